"""Who reads costs: a user and a role of its own, a workload identity, or a user of the management account."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.environment import SettingsError
from config.platform import CredentialAuth, WorkloadIdentityAuth
from tasks.metering import rounds
from tasks.metering.database import Database
from tasks.permissions.iam_documents import trust
from tests.tasks.metering.conftest import CLOSED, PLATFORM, House
from workers.sandbox import organization
from workers.sandbox.client import SimulatorClient
from workers.sandbox.web_identity import make_token

EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
TRUST = trust(organization.ENTRY_ROLE_ARN, None)  # of a role that a workload identity's entry role may assume


def test_costs_are_read_by_the_metering_role_alone(house: House, simulator: SimulatorClient) -> None:
    mark = simulator.mark()
    house.collect()
    asked = {call.caller.split(":")[5].split("/")[1] for call in simulator.calls(mark) if call.service == "ce"}
    assert asked == {organization.METERING_ROLE}


def test_a_workload_identity_reads_costs(house: House, simulator: SimulatorClient, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(make_token())
    account, name, entry = organization.MANAGEMENT_ACCOUNT_ID, "CostsByIdentity", organization.ENTRY_ROLE
    simulator.operator("create_role", account=account, role=name, trust=TRUST, policies={"costs": EVERYTHING})
    own = {"account": organization.MESHCLOUD_ACCOUNT_ID, "role": entry, "name": "costs", "document": EVERYTHING}
    simulator.operator("put_role_policy", **own)
    auth = WorkloadIdentityAuth(role_arn=organization.ENTRY_ROLE_ARN, token_file=str(tmp_path / "token"))
    role = f"arn:aws:iam::{account}:role/{name}"
    house.change(auth=auth, management_role_arn=role, management_external_id=None)
    assert house.collect().pages > 0


def test_a_user_of_the_management_account_reads_costs_without_a_role(house: House) -> None:
    auth = CredentialAuth(
        access_key=organization.ADMINISTRATOR_ACCESS_KEY, secret_key=organization.ADMINISTRATOR_SECRET_KEY
    )
    house.change(auth=auth, management_role_arn=None, direct_account_id=organization.MANAGEMENT_ACCOUNT_ID)
    assert house.collect().pages > 0


def test_without_its_external_id_nothing_is_read(house: House) -> None:
    house.change(management_external_id=None)
    begun = house.begin(CLOSED)
    rounds.collect(house.worker, house.now)
    failed = house.ledger.find(begun.id)
    assert failed is not None
    assert failed.state == "FAILED"
    assert "AccessDenied" in (failed.note or "")
    assert house.ledger.spent(PLATFORM, house.now().date()) == 0


@pytest.mark.parametrize(
    "url",
    [
        "mysql://x/y",
        "sqlite://",
        "no url",
        "postgresql://h/d?sslmode=prefer",
        "postgresql://h/d?sslmode=require&sslrootcert=/no",
    ],
)
def test_what_is_no_database_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="CONNECTOR_METERING_DATABASE_URL"):
        Database(url)
