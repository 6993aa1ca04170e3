"""The doctor shows which groups of tenants would be adopted and which prove nothing, with a bounded number of calls."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tasks.connector import redis_client
from tasks.doctor import group_proofs
from tasks.doctor.finding import Level
from tasks.doctor.patient import Patient
from tasks.model.desired import TenantId
from tasks.orders.producer import replicate
from tasks.permissions.group_proof import GroupProof
from tests.support.cluster import PLATFORM, desired
from tests.tasks.doctor.conftest import examined, levels
from workers.sandbox import organization
from workers.sandbox.client import SimulatorClient

CHECK = "group proofs"


@pytest.fixture(autouse=True)
def no_tenants(patient: Patient, simulator: SimulatorClient) -> Iterator[None]:
    yield
    redis_client(patient.worker.settings).flushall()
    simulator.set_options(enforce_policies=True)


def order(patient: Patient, project: str) -> TenantId:
    replicate("likvid", project, PLATFORM, desired(), connector=patient.worker)
    return TenantId("likvid", project, PLATFORM)


def group(simulator: SimulatorClient, project: str, role: str, description: str = "made by somebody") -> str:
    name = f"mst-likvid.{project}.{role}"
    return str(simulator.operator("add_group", name=name, description=description, user_names=[])["group"])


def adopting(patient: Patient) -> Patient:
    store = patient.platform.identity_store
    assert store is not None
    return patient.changed(identity_store=store.model_copy(update={"adopt_groups": True}))


def test_without_tenants_there_is_nothing_to_look_at(patient: Patient) -> None:
    [line] = examined(patient, "groups", CHECK)[CHECK]

    assert (line.level, line.message) == (
        Level.OK,
        "checked 0 groups, of 0 tenants, which no replication has seen yet",
    )


def test_groups_of_others_are_errors_and_our_own_are_fine(patient: Patient, simulator: SimulatorClient) -> None:
    tenant = order(patient, "doctored")
    group(simulator, "doctored", "admin")
    group(simulator, "doctored", "user", GroupProof("likvid.other.aws.sandbox", "user").text)
    group(simulator, "doctored", "reader", GroupProof(str(tenant), "reader").text)

    found = examined(patient, "groups", CHECK)[CHECK]

    assert levels(found) == [Level.ERROR, Level.ERROR, Level.OK]
    assert "nothing proves that the group 'mst-likvid.doctored.admin' belongs to" in found[0].message
    assert "belongs to tenant likvid.other.aws.sandbox" in found[1].message
    assert "adoptGroups: true" in (found[0].remedy or "")


def test_with_the_operators_word_it_shows_what_would_be_adopted(patient: Patient, simulator: SimulatorClient) -> None:
    order(patient, "adopted")
    group(simulator, "adopted", "admin")
    elsewhere = group(simulator, "adopted", "user")
    simulator.set_options(enforce_policies=False)
    access = patient.sessions.management(patient.platform, "sso-admin")
    access.create_account_assignment(
        InstanceArn=organization.INSTANCE_ARN,
        TargetId=organization.AUTOMATION_ACCOUNT_ID,
        TargetType="AWS_ACCOUNT",
        PermissionSetArn=organization.USER_PERMISSION_SET_ARN,
        PrincipalType="GROUP",
        PrincipalId=elsewhere,
    )
    simulator.operator("pass_time", seconds=5)
    mark = simulator.mark()

    found = examined(adopting(patient), "groups", CHECK)[CHECK]

    assert levels(found) == [Level.OK, Level.ERROR, Level.OK]
    assert "'mst-likvid.adopted.admin' carries no proof and would be adopted for tenant" in found[0].message
    assert f"is also assigned in {organization.AUTOMATION_ACCOUNT_ID}" in found[1].message
    assert simulator.writes_since(mark) == []


def test_only_so_many_groups_are_looked_at(patient: Patient, simulator: SimulatorClient) -> None:
    for number in range(20):
        order(patient, f"many{number}")
    mark = simulator.mark()

    found = examined(patient, "groups", CHECK)[CHECK]

    asked = [call for call in simulator.calls(mark) if call.operation == "GetGroupId"]
    assert len(asked) == group_proofs.MOST_GROUPS + 1  # and that of the check before
    assert found[-1].message == (
        "checked 50 groups, of 20 tenants, which no replication has seen yet; 10 more are not checked"
    )
