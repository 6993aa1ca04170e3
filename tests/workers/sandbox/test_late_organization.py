"""Accounts, OUs, creations, tags and control policies that readers do not see yet. Writes act on what is true."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import uuid4

import pytest

from tests.workers.sandbox.conftest import Connect, create, error_of
from workers.sandbox import organization as sandbox
from workers.sandbox.client import SimulatorClient

KIND = "SERVICE_CONTROL_POLICY"
DENY = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "iam:*", "Resource": "*"}]}
ROOT, DEVELOPMENT = sandbox.ROOT_ID, sandbox.DEVELOPMENT_OU_ID


def unique(name: str) -> str:
    return f"{name}-{uuid4().hex[:8]}"


def code(call: Callable[[], Any]) -> str:
    return str(error_of(call)["Code"])


def listed(organizations: Any, operation: str, member: str, key: str, **parameters: Any) -> set[str]:
    pages = organizations.get_paginator(operation).paginate(**parameters)
    return {each[key] for page in pages for each in page[member]}


@pytest.fixture
def young_account(organizations: Any, simulator: SimulatorClient) -> str:
    """An account that nobody sees until told."""
    simulator.delay(kind="account")
    return str(create(organizations, unique("young"))["AccountId"])


@pytest.fixture
def young_unit(organizations: Any, simulator: SimulatorClient) -> str:
    """An OU that nobody sees until told."""
    simulator.delay(kind="organizational_unit")
    made = organizations.create_organizational_unit(ParentId=ROOT, Name=unique("young"))
    return str(made["OrganizationalUnit"]["Id"])


def test_who_names_a_young_account_is_told_that_there_is_none(
    organizations: Any, simulator: SimulatorClient, young_account: str
) -> None:
    move = {"AccountId": young_account, "SourceParentId": ROOT, "DestinationParentId": DEVELOPMENT}
    tag = {"ResourceId": young_account, "Tags": [{"Key": "k", "Value": "v"}]}
    calls = {
        "AccountNotFoundException": [
            partial(organizations.describe_account, AccountId=young_account),
            partial(organizations.move_account, **move),
            partial(organizations.close_account, AccountId=young_account),
        ],
        "ChildNotFoundException": [partial(organizations.list_parents, ChildId=young_account)],
        "TargetNotFoundException": [
            partial(organizations.list_tags_for_resource, ResourceId=young_account),
            partial(organizations.tag_resource, **tag),
            partial(organizations.untag_resource, ResourceId=young_account, TagKeys=["k"]),
            partial(organizations.list_policies_for_target, TargetId=young_account, Filter=KIND),
        ],
    }
    for wanted, asked in calls.items():
        assert {code(call) for call in asked} == {wanted}
    simulator.show_everything()
    for call in calls["TargetNotFoundException"]:
        call()
    organizations.move_account(**move)
    assert organizations.list_parents(ChildId=young_account)["Parents"][0]["Id"] == DEVELOPMENT


def test_a_young_account_is_missing_in_lists(
    organizations: Any, simulator: SimulatorClient, young_account: str
) -> None:
    def seen() -> list[bool]:
        return [
            young_account in listed(organizations, "list_accounts", "Accounts", "Id"),
            young_account in listed(organizations, "list_accounts_for_parent", "Accounts", "Id", ParentId=ROOT),
            young_account
            in listed(organizations, "list_children", "Children", "Id", ParentId=ROOT, ChildType="ACCOUNT"),
        ]

    assert seen() == [False] * 3
    simulator.show_everything()
    assert seen() == [True] * 3


def test_an_address_is_taken_by_an_account_that_nobody_sees(organizations: Any, simulator: SimulatorClient) -> None:
    simulator.delay(kind="account")
    email = f"{uuid4().hex}@example.com"
    assert create(organizations, unique("first"), Email=email)["State"] == "SUCCEEDED"
    assert create(organizations, unique("second"), Email=email)["FailureReason"] == "EMAIL_ALREADY_EXISTS"


def test_roles_of_a_young_account_cannot_be_assumed(
    connect: Connect, simulator: SimulatorClient, young_account: str
) -> None:
    simulator.operator("pass_time", seconds=60)  # Organizations has made its role long ago
    role = f"arn:aws:iam::{young_account}:role/{sandbox.DEFAULT_ACCESS_ROLE}"
    enter = partial(connect("sts").assume_role, RoleArn=role, RoleSessionName="test")
    assert code(enter) == "AccessDenied"
    simulator.show_everything()
    enter()


def test_a_young_creation_is_not_found_and_its_end_is_seen_late(organizations: Any, simulator: SimulatorClient) -> None:
    simulator.set_options(creation_seconds=30)  # longer than the test takes to look; `pass_time` ends it
    simulator.delay(kind="account_creation", times=2)
    name = unique("creation")
    begun = organizations.create_account(AccountName=name, Email=f"{name}@example.com")["CreateAccountStatus"]
    look = partial(organizations.describe_create_account_status, CreateAccountRequestId=begun["Id"])
    assert code(look) == "CreateAccountStatusNotFoundException"
    assert begun["Id"] not in listed(organizations, "list_create_account_status", "CreateAccountStatuses", "Id")
    simulator.show_everything()

    simulator.delay(kind="account_creation", id=begun["Id"])
    simulator.operator("pass_time", seconds=60)
    assert look()["CreateAccountStatus"]["State"] == "IN_PROGRESS"
    assert simulator.account(name)["id"]
    simulator.show_everything()
    assert look()["CreateAccountStatus"]["State"] == "SUCCEEDED"


def test_who_names_a_young_unit_is_told_that_there_is_none(
    organizations: Any, simulator: SimulatorClient, young_unit: str
) -> None:
    account = create(organizations, unique("mover"))["AccountId"]
    move = {"AccountId": account, "SourceParentId": ROOT, "DestinationParentId": young_unit}
    assert code(partial(organizations.move_account, **move)) == "DestinationParentNotFoundException"
    for below in (
        partial(organizations.create_organizational_unit, ParentId=young_unit, Name="below"),
        partial(organizations.list_organizational_units_for_parent, ParentId=young_unit),
        partial(organizations.list_accounts_for_parent, ParentId=young_unit),
    ):
        assert code(below) == "ParentNotFoundException"
    assert code(partial(organizations.list_parents, ChildId=young_unit)) == "ChildNotFoundException"
    units = partial(
        listed, organizations, "list_organizational_units_for_parent", "OrganizationalUnits", "Id", ParentId=ROOT
    )
    assert young_unit not in units()
    simulator.show_everything()
    assert young_unit in units()
    organizations.move_account(**move)


def test_a_name_is_taken_by_a_unit_that_nobody_sees(
    organizations: Any, simulator: SimulatorClient, young_unit: str
) -> None:
    name = simulator.state()["organizational_units"][young_unit]["name"]
    again = partial(organizations.create_organizational_unit, ParentId=ROOT, Name=name)
    assert code(again) == "DuplicateOrganizationalUnitException"


def test_a_move_is_seen_late_and_the_next_one_starts_where_the_account_is(
    organizations: Any, simulator: SimulatorClient
) -> None:
    account = create(organizations, unique("moved"))["AccountId"]
    simulator.delay(kind="account", id=account)
    there = {"AccountId": account, "SourceParentId": ROOT, "DestinationParentId": DEVELOPMENT}
    organizations.move_account(**there)
    assert organizations.list_parents(ChildId=account)["Parents"] == [{"Id": ROOT, "Type": "ROOT"}]
    assert account in listed(organizations, "list_accounts_for_parent", "Accounts", "Id", ParentId=ROOT)
    assert account not in listed(organizations, "list_accounts_for_parent", "Accounts", "Id", ParentId=DEVELOPMENT)
    assert code(partial(organizations.move_account, **there)) == "DuplicateAccountException"
    elsewhere = {**there, "DestinationParentId": sandbox.PRODUCTION_OU_ID}
    assert code(partial(organizations.move_account, **elsewhere)) == "SourceParentNotFoundException"
    simulator.show_everything()
    assert organizations.list_parents(ChildId=account)["Parents"][0]["Id"] == DEVELOPMENT


def test_an_account_in_a_unit_that_its_reader_does_not_see_is_shown(
    organizations: Any, simulator: SimulatorClient, young_unit: str
) -> None:
    account = create(organizations, unique("inside"))["AccountId"]
    simulator.operator("move_account", account=account, parent_id=young_unit)
    assert young_unit in organizations.describe_account(AccountId=account)["Account"]["Paths"][0]
    assert organizations.list_parents(ChildId=account)["Parents"][0]["Id"] == young_unit


def test_tags_and_a_closing_are_seen_late(organizations: Any, simulator: SimulatorClient) -> None:
    account = create(organizations, unique("changed"), Tags=[{"Key": "old", "Value": "1"}])["AccountId"]
    simulator.delay(kind="account", id=account, times=3)
    organizations.tag_resource(ResourceId=account, Tags=[{"Key": "new", "Value": "2"}])
    organizations.untag_resource(ResourceId=account, TagKeys=["old"])
    organizations.close_account(AccountId=account)
    assert organizations.list_tags_for_resource(ResourceId=account)["Tags"] == [{"Key": "old", "Value": "1"}]
    assert organizations.describe_account(AccountId=account)["Account"]["State"] == "ACTIVE"
    again = code(partial(organizations.close_account, AccountId=account))
    assert again in {"ConflictException", "AccountAlreadyClosedException"}
    simulator.show_everything()
    assert organizations.list_tags_for_resource(ResourceId=account)["Tags"] == [{"Key": "new", "Value": "2"}]
    assert organizations.describe_account(AccountId=account)["Account"]["State"] != "ACTIVE"


def test_a_young_control_policy_is_not_found(organizations: Any, simulator: SimulatorClient) -> None:
    simulator.delay(kind="control_policy")
    made = {"Name": unique("policy"), "Description": "d", "Content": json.dumps(DENY), "Type": KIND}
    policy = organizations.create_policy(**made)["Policy"]["PolicySummary"]["Id"]
    unit = simulator.operator("create_ou", name=unique("target"))["id"]
    attach = partial(organizations.attach_policy, PolicyId=policy, TargetId=unit)
    for call in (
        attach,
        partial(organizations.describe_policy, PolicyId=policy),
        partial(organizations.update_policy, PolicyId=policy, Description="other"),
    ):
        assert code(call) == "PolicyNotFoundException"
    assert policy not in listed(organizations, "list_policies", "Policies", "Id", Filter=KIND)
    assert code(partial(organizations.create_policy, **made)) == "DuplicatePolicyException"
    simulator.show_everything()

    simulator.delay(kind="control_policy", id=policy)
    attach()
    attached = partial(listed, organizations, "list_policies_for_target", "Policies", "Id", Filter=KIND, TargetId=unit)
    assert policy not in attached()
    assert code(attach) == "DuplicatePolicyAttachmentException"
    simulator.show_everything()
    assert policy in attached()


def test_a_policy_is_attached_to_a_young_target_only_when_it_is_seen(
    organizations: Any, simulator: SimulatorClient, young_unit: str
) -> None:
    made = {"Name": unique("policy"), "Description": "d", "Content": json.dumps(DENY), "Type": KIND}
    policy = organizations.create_policy(**made)["Policy"]["PolicySummary"]["Id"]
    attach = partial(organizations.attach_policy, PolicyId=policy, TargetId=young_unit)
    assert code(attach) == "TargetNotFoundException"
    simulator.show_everything()
    attach()
