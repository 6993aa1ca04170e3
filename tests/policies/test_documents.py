"""The documents as values: what they are filled in with, what is left out, and that the table fits AWS's models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore import xform_name

from config.catalog import Catalog
from config.platform import DefaultAuth, Platform, WorkloadIdentityAuth
from tasks.aws.actions import DECLARED, OPERATIONS, Kind, Principal
from tasks.aws.scim_client import SERVICE, ScimClient
from tasks.permissions.iam_documents import PrincipalDocuments, documents, placeholders, surroundings_of
from tests.policies.replications import PLATFORM, published
from tests.tasks.steps.world import SCIM
from workers.sandbox import organization
from workers.sandbox.aws import seed_policies
from workers.sandbox.aws.options import SimulatorOptions

GUIDE = Path(__file__).parents[2] / "docs" / "iam.md"


@pytest.fixture
def platform(catalog: Catalog) -> Platform:
    return catalog.platforms[PLATFORM]


def sids(each: PrincipalDocuments) -> list[str]:
    return [statement["Sid"] for statement in each.policy["Statement"]]


def of(platform: Platform) -> dict[Principal, PrincipalDocuments]:
    return {each.principal: each for each in documents(surroundings_of(platform))}


def texts(document: Any) -> list[str]:
    """Return every text in a document."""
    if isinstance(document, dict):
        return [text for pair in document.items() for part in pair for text in texts(part)]
    return [text for part in document for text in texts(part)] if isinstance(document, list) else [str(document)]


def test_statements_are_named_as_meshstack_publishes_them() -> None:
    assert {str(each.principal): sids(each) for each in documents(placeholders(), optional=False)} == {
        "service user": [
            "AssumeManagementRole",
            "AssumeAutomationRole",
            "TagManagementSession",
            "TagAutomationSession",
        ],
        "management role": [
            "StsAccessMemberAccount",
            "OrgManagementAccessRead",
            "OrgManagementAccessWrite",
            "OrgManagementAccessNoResourceLevelRestrictions",
            "OrgManagementAccessSSO",
            "OrgManagementIdentityStoreGroupManagement",
            "OrgManagementGroupAdoption",
            "OrgManagementGroupAdoptionSSO",
            "StsAccessImportedAccount",
            "OrgManagementAccessAdditionalSSOForRootAccount",
            "AWSControlTowerAccountFactoryAccess",
        ],
        "automation role": ["Automation"],
        "access role": ["SamlProviders", "RolesAndAlias", "FederatedRoles", "Stacks", "OwnRole", "OwnTrust"],
        "import role": ["AccessRole"],
        "metering user": ["AssumeMeteringRole"],
        "metering role": [
            "CostExplorerRead",
            "CostExplorerReadReservedInstances",
            "CostExplorerReadSavingsPlans",
        ],
    }


def test_optional_statements_are_apart_and_named_so() -> None:
    whole, needed = documents(placeholders()), documents(placeholders(), optional=False)

    for more, less in zip(whole, needed, strict=True):
        optional = [sid for sid in sids(more) if sid.startswith("Optional")]
        assert list(more.optional) == optional
        assert [each for each in more.policy["Statement"] if each["Sid"] not in optional] == less.policy["Statement"]
        assert not less.optional
        assert more.trust == less.trust


def test_the_sandbox_holds_what_is_published(platform: Platform) -> None:
    for optional in (True, False):
        assert seed_policies.published(SimulatorOptions(optional_statements=optional)) == published(
            platform, optional=optional
        )


@pytest.mark.parametrize("partition", ["aws-cn", "aws-us-gov"])
def test_other_partitions(platform: Platform, partition: str) -> None:
    store, metering = platform.identity_store, platform.metering
    assert store is not None
    assert metering is not None
    metering_role = organization.METERING_ROLE_ARN.replace("arn:aws:", f"arn:{partition}:")
    elsewhere = platform.model_copy(
        update={
            "management_role_arn": organization.MANAGEMENT_ROLE_ARN.replace("arn:aws:", f"arn:{partition}:"),
            "automation_role_arn": organization.AUTOMATION_ROLE_ARN.replace("arn:aws:", f"arn:{partition}:"),
            "metering": metering.model_copy(update={"management_role_arn": metering_role}),
            "identity_store": store.model_copy(
                update={"instance_arn": organization.INSTANCE_ARN.replace("arn:aws:", f"arn:{partition}:")}
            ),
        }
    )

    for found in (documents(surroundings_of(elsewhere)), documents(placeholders(partition))):
        arns = [
            text
            for each in found
            for text in [each.arn, *texts(each.policy), *texts(each.trust or {})]
            if text.startswith("arn:")
        ]
        assert len(arns) > 10
        assert [arn for arn in arns if not arn.startswith(f"arn:{partition}:")] == []


def test_what_a_platform_does_not_have_is_not_allowed(platform: Platform) -> None:
    found = of(platform.model_copy(update={"identity_store": None, "automation_role_arn": None}))

    assert Principal.AUTOMATION_ROLE not in found
    assert sids(found[Principal.SERVICE_USER]) == ["AssumeManagementRole"]
    assert not [
        text for text in texts(found[Principal.MANAGEMENT_ROLE].policy) if text.startswith(("sso:", "identity"))
    ]


def test_groups_through_scim_need_no_permission_of_iam(platform: Platform) -> None:
    policy = of(platform.model_copy(update={"identity_store": None, "scim": SCIM}))[Principal.MANAGEMENT_ROLE].policy

    assert "sso:CreateAccountAssignment" in texts(policy)
    assert not [text for text in texts(policy) if text.startswith(("identitystore:", "scim:"))]


def test_without_an_external_id_nothing_asks_for_one(platform: Platform) -> None:
    found = of(platform.model_copy(update={"management_external_id": None}))

    assert "Condition" not in found[Principal.MANAGEMENT_ROLE].policy["Statement"][0]
    assert found[Principal.MANAGEMENT_ROLE].trust == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": "arn:aws:iam::${MESHCLOUD_ACCOUNT_ID}:user/meshfed-service-user"},
                "Action": "sts:AssumeRole",
            }
        ],
    }


def test_a_workload_identity_enters_by_its_role(platform: Platform) -> None:
    entry = f"arn:aws:iam::{organization.MESHCLOUD_ACCOUNT_ID}:role/connector"
    found = of(platform.model_copy(update={"auth": WorkloadIdentityAuth(role_arn=entry)}))

    trusted = found[Principal.SERVICE_USER].trust
    assert trusted is not None
    assert trusted["Statement"][0]["Action"] == "sts:AssumeRoleWithWebIdentity"
    assert trusted["Statement"][0]["Principal"]["Federated"].startswith("arn:aws:iam::222222222222:oidc-provider/")
    for role in (Principal.MANAGEMENT_ROLE, Principal.AUTOMATION_ROLE):
        assert entry in texts(found[role].trust)


def test_who_the_environment_is_stands_in_the_trust_policies_if_the_document_says_it(platform: Platform) -> None:
    entry = f"arn:aws:iam::{organization.MESHCLOUD_ACCOUNT_ID}:role/connector"
    found = of(platform.model_copy(update={"auth": DefaultAuth(principal_arn=entry)}))
    assert found[Principal.SERVICE_USER].arn == entry
    assert entry in texts(found[Principal.MANAGEMENT_ROLE].trust)

    unknown = of(platform.model_copy(update={"auth": DefaultAuth()}))
    assert "${MESHCLOUD_ACCOUNT_ID}" in str(unknown[Principal.MANAGEMENT_ROLE].trust)


def test_costs_are_read_by_a_user_of_their_own_with_or_without_a_role(platform: Platform) -> None:
    assert platform.metering is not None
    plain = platform.metering.model_copy(update={"reserved_instance_fair_chargeback": False})
    found = of(platform.model_copy(update={"metering": plain}))
    assert sids(found[Principal.METERING_ROLE]) == ["CostExplorerRead", "CostExplorerReadSavingsPlans"]

    direct = {"management_role_arn": None, "direct_account_id": organization.MANAGEMENT_ACCOUNT_ID}
    found = of(platform.model_copy(update={"metering": platform.metering.model_copy(update=direct)}))
    assert Principal.METERING_ROLE not in found
    assert found[Principal.METERING_USER].account == organization.MANAGEMENT_ACCOUNT_ID
    assert sids(found[Principal.METERING_USER])[0] == "CostExplorerRead"

    entry = f"arn:aws:iam::{organization.MESHCLOUD_ACCOUNT_ID}:role/costs"
    identity = platform.metering.model_copy(update={"auth": WorkloadIdentityAuth(role_arn=entry)})
    found = of(platform.model_copy(update={"metering": identity}))
    assert entry in texts(found[Principal.METERING_ROLE].trust)
    assert found[Principal.METERING_USER].trust is not None

    assert Principal.METERING_USER not in of(platform.model_copy(update={"metering": None}))


def test_external_ids_are_never_filled_in_unasked(platform: Platform) -> None:
    shown = json.dumps([[each.policy, each.trust] for each in of(platform).values()])

    assert organization.EXTERNAL_ID not in shown
    assert organization.AUTOMATION_EXTERNAL_ID not in shown
    assert "${AUTOMATION_EXTERNAL_ID}" in shown


@pytest.mark.parametrize("service", sorted({each.service for each in OPERATIONS} - {SERVICE}))
def test_the_table_names_operations_that_aws_has(service: str) -> None:
    model = botocore.session.get_session().get_service_model(service)
    rows = [each for each in OPERATIONS if each.service == service and each.kind is not Kind.FORWARDED]

    assert [each.name for each in rows if each.name not in model.operation_names] == []
    assert [each.method for each in rows if each.method != xform_name(each.name)] == []


def test_the_table_names_the_operations_of_the_scim_client() -> None:
    rows = {each.method for each in OPERATIONS if each.service == SERVICE}

    assert rows == {name for name, member in vars(ScimClient).items() if callable(member) and name[0] != "_"}


def test_no_operation_stands_twice() -> None:
    stated = [(each.statement, each.action) for each in OPERATIONS if each.name != "AssumeRole"]
    called = {(each.service, each.method, each.kind) for each in OPERATIONS if each.kind in (Kind.READ, Kind.WRITE)}

    assert len(stated) == len(set(stated))
    assert len(called) == len(DECLARED)  # what several principals call is a read or a write for all of them


def test_the_guide_explains_every_action() -> None:
    guide = GUIDE.read_text(encoding="utf-8")

    assert [each.action for each in OPERATIONS if f"`{each.action}`" not in guide] == []
