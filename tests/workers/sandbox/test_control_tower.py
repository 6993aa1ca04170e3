"""The account factory and Control Tower as strict as AWS: over the wire, as any SDK sees them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import uuid4

import pytest

from tests.support.waiting import eventually
from tests.workers.sandbox.conftest import Connect, error_of
from workers.sandbox import organization
from workers.sandbox.client import SimulatorClient

ADMINISTRATOR_ACCESS = "arn:aws:iam::aws:policy/AdministratorAccess"
PRODUCT = organization.ACCOUNT_FACTORY_PRODUCT_ID
DEVELOPMENT = f"Development ({organization.DEVELOPMENT_OU_ID})"


@pytest.fixture(autouse=True)
def quick(simulator: SimulatorClient) -> None:
    simulator.set_options(enrollment_seconds=0.05)


@pytest.fixture
def catalog(connect: Connect) -> Any:
    return connect("servicecatalog")


def account(simulator: SimulatorClient, *, ready: bool = True) -> tuple[str, str]:
    """Make an account, as a rule with Control Tower's role; answer its id and its address."""
    email = f"{uuid4().hex[:12]}@example.com"
    roles = [organization.ACCESS_ROLE, *(["AWSControlTowerExecution"] if ready else [])]
    return simulator.operator("create_account", name=email, email=email, roles=roles)["account"], email


def request(email: str, **changes: Any) -> dict[str, Any]:
    """Write a request for an account; `unit` changes where to."""
    parameters = {
        "AccountEmail": email,
        "AccountName": email,
        "ManagedOrganizationalUnit": changes.pop("unit", DEVELOPMENT),
        "SSOUserEmail": email,
        "SSOUserFirstName": "AWS",
        "SSOUserLastName": "Account",
    }
    named = {"ProductId": PRODUCT, "ProvisioningArtifactId": "pa-sandbox0000new", "ProvisionToken": uuid4().hex}
    rows = [{"Key": key, "Value": value} for key, value in parameters.items()]
    return {
        **named,
        "ProvisionedProductName": email.split("@", maxsplit=1)[0],
        "ProvisioningParameters": rows,
        **changes,
    }


def ended(catalog: Any, record: dict[str, Any]) -> dict[str, Any]:
    """Wait for the end of an operation."""

    def look() -> Any:
        found = catalog.describe_record(Id=record["RecordDetail"]["RecordId"])
        return found if found["RecordDetail"]["Status"] != "IN_PROGRESS" else None

    return dict(eventually(look))


def test_an_account_is_enrolled_and_let_go(simulator: SimulatorClient, catalog: Any) -> None:
    account_id, email = account(simulator)
    record = ended(catalog, catalog.provision_product(**request(email)))
    product = record["RecordDetail"]["ProvisionedProductId"]

    assert record["RecordDetail"]["Status"] == "SUCCEEDED"
    assert simulator.state()["accounts"][account_id]["parent_id"] == organization.DEVELOPMENT_OU_ID
    assert catalog.describe_provisioned_product(Id=product)["ProvisionedProductDetail"]["Status"] == "AVAILABLE"
    query = {"SearchQuery": [f"physicalId:{account_id}"]}
    everything = {"Key": "Account", "Value": "self"}
    [found] = catalog.search_provisioned_products(AccessLevelFilter=everything, Filters=query)["ProvisionedProducts"]
    assert (found["Id"], found["PhysicalId"]) == (product, account_id)

    ended(catalog, catalog.terminate_provisioned_product(ProvisionedProductId=product, TerminateToken="once"))
    assert simulator.state()["accounts"][account_id]["parent_id"] == organization.ROOT_ID
    assert error_of(lambda: catalog.describe_provisioned_product(Id=product))["Code"] == "ResourceNotFoundException"


def test_the_same_token_gives_the_same_record(simulator: SimulatorClient, catalog: Any) -> None:
    _, email = account(simulator)
    asked = request(email)

    first, again = (catalog.provision_product(**asked)["RecordDetail"]["RecordId"] for _ in range(2))

    assert first == again
    ended(catalog, {"RecordDetail": {"RecordId": first}})
    asked["ProvisionToken"] = "another"
    assert error_of(lambda: catalog.provision_product(**asked))["Code"] == "DuplicateResourceException"


def test_an_account_without_the_role_ends_in_error(simulator: SimulatorClient, catalog: Any) -> None:
    account_id, email = account(simulator, ready=False)
    record = ended(catalog, catalog.provision_product(**request(email)))["RecordDetail"]

    assert record["Status"] == "FAILED"
    assert "unable to assume the AWSControlTowerExecution role" in record["RecordErrors"][0]["Description"]
    product = catalog.describe_provisioned_product(Id=record["ProvisionedProductId"])["ProvisionedProductDetail"]
    assert product["Status"] == "ERROR"
    assert account_id not in simulator.state()["control_tower"]["enrolled"]


def test_one_operation_for_an_account_and_five_at_once(simulator: SimulatorClient, catalog: Any) -> None:
    simulator.set_options(enrollment_seconds=30)
    emails = [account(simulator)[1] for _ in range(6)]
    for email in emails[:5]:
        catalog.provision_product(**request(email))

    for email in (emails[5], emails[0]):
        refused = error_of(partial(catalog.provision_product, **request(email, ProvisionedProductName="x")))
        assert refused["Code"] == "InvalidParametersException"
        assert "another AWS Control Tower operation is in progress" in refused["Message"]
    simulator.operator("pass_time", seconds=60)


def test_a_termination_is_always_taken_and_its_record_tells_that_aws_was_busy(
    simulator: SimulatorClient, catalog: Any
) -> None:
    _, email = account(simulator)
    product = ended(catalog, catalog.provision_product(**request(email)))["RecordDetail"]["ProvisionedProductId"]
    simulator.set_options(control_tower_operations=1, enrollment_seconds=30)
    catalog.provision_product(**request(account(simulator)[1], ProvisionedProductName="other"))

    record = ended(catalog, catalog.terminate_provisioned_product(ProvisionedProductId=product, TerminateToken="busy"))

    assert record["RecordDetail"]["Status"] == "FAILED"
    assert (
        "another AWS Control Tower operation is in progress" in record["RecordDetail"]["RecordErrors"][0]["Description"]
    )
    assert catalog.describe_provisioned_product(Id=product)["ProvisionedProductDetail"]["Status"] == "TAINTED"
    simulator.operator("pass_time", seconds=60)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda asked: asked.update(ProductId="prod-unknown"), "ResourceNotFoundException"),
        (lambda asked: asked.update(ProvisioningArtifactId="pa-unknown"), "ResourceNotFoundException"),
        (lambda asked: asked["ProvisioningParameters"].pop(), "InvalidParametersException"),
        (lambda asked: asked.update(ProvisionToken="not a token"), "ValidationException"),
    ],
)
def test_what_does_not_fit_is_refused(
    simulator: SimulatorClient, catalog: Any, change: Callable[[dict[str, Any]], Any], code: str
) -> None:
    asked = request(account(simulator)[1])
    change(asked)

    assert error_of(lambda: catalog.provision_product(**asked))["Code"] == code


def test_an_ou_is_named_with_its_id_and_must_be_registered(simulator: SimulatorClient, catalog: Any) -> None:
    below = simulator.operator("create_ou", name="Below", parent_id=organization.DEVELOPMENT_OU_ID)["id"]
    _, email = account(simulator)
    named = f"Below ({below})"

    refused = error_of(lambda: catalog.provision_product(**request(email, unit=named)))
    assert refused["Message"] == f"The parent organizational unit '{named}' is not enrolled in AWS Control Tower."
    simulator.operator("register_ou", unit=below)
    assert "Below" in error_of(lambda: catalog.provision_product(**request(email, unit="Below")))["Message"]
    catalog.provision_product(**request(email, unit=named))


def test_the_manifest_is_told(connect: Connect) -> None:
    tower = connect("controltower")
    [zone] = tower.list_landing_zones()["landingZones"]

    manifest = tower.get_landing_zone(landingZoneIdentifier=zone["arn"])["landingZone"]["manifest"]

    assert manifest["centralizedLogging"]["accountId"] == "444444444444"
    assert (
        error_of(lambda: tower.get_landing_zone(landingZoneIdentifier="other"))["Code"] == "ResourceNotFoundException"
    )


def test_in_a_registered_ou_nobody_makes_control_towers_role(simulator: SimulatorClient, connect: Connect) -> None:
    account_id, _ = account(simulator, ready=False)
    role = f"arn:aws:iam::{account_id}:role/{organization.ACCESS_ROLE}"
    session = connect("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    iam = connect("iam", session)

    def create(name: str) -> Any:
        return iam.create_role(RoleName=name, AssumeRolePolicyDocument='{"Version": "2012-10-17", "Statement": []}')

    simulator.operator("move_account", account=account_id, parent_id=organization.DEVELOPMENT_OU_ID)
    assert (
        "explicit deny in a service control policy" in error_of(lambda: create("AWSControlTowerExecution"))["Message"]
    )
    create("another")


def test_an_account_moved_by_organizations_has_drifted(simulator: SimulatorClient, catalog: Any) -> None:
    account_id, email = account(simulator)
    ended(catalog, catalog.provision_product(**request(email)))

    simulator.operator("move_account", account=account_id, parent_id=organization.PRODUCTION_OU_ID)

    assert account_id in simulator.state()["control_tower"]["drifted"]
