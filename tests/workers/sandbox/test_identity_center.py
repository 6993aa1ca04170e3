"""The simulator's IAM Identity Center, asked through boto3 as the management account."""

from __future__ import annotations

from typing import Any

import boto3
import pytest

from tests.workers.sandbox.requests import Sandbox, refusal
from workers.sandbox import organization
from workers.sandbox.client import SimulatorClient

STORE = organization.IDENTITY_STORE_ID
INSTANCE = organization.INSTANCE_ARN
ALICE = organization.USERS["alice@example.com"]
NOBODY = "1234567890-00000000-0000-4000-8000-000000009999"
MINUTES = 600.0


@pytest.fixture
def sandbox(simulator: SimulatorClient, session: boto3.Session) -> Sandbox:
    return Sandbox(simulator, session)


@pytest.fixture
def store(sandbox: Sandbox) -> Any:
    return sandbox.client("identitystore", organization.MANAGEMENT_ACCOUNT_ID)


@pytest.fixture
def admin(sandbox: Sandbox) -> Any:
    sandbox.set(assignment_seconds=0, assignments_in_flight=10)
    sandbox.pass_time(MINUTES)
    return sandbox.client("sso-admin", organization.MANAGEMENT_ACCOUNT_ID)


@pytest.fixture
def member(sandbox: Sandbox) -> str:
    return sandbox.account("member")


@pytest.fixture
def group_name(sandbox: Sandbox) -> str:
    return sandbox.unique("shop.dev-admin")


@pytest.fixture
def group(store: Any, group_name: str) -> str:
    group_id: str = store.create_group(IdentityStoreId=STORE, DisplayName=group_name)["GroupId"]
    return group_id


def unique(path: str, value: Any) -> dict[str, Any]:
    attribute = {"AttributePath": path, "AttributeValue": value}
    return {"IdentityStoreId": STORE, "AlternateIdentifier": {"UniqueAttribute": attribute}}


def assignment(account_id: str, principal_id: str, **changes: Any) -> dict[str, Any]:
    return {
        "InstanceArn": INSTANCE,
        "TargetId": account_id,
        "TargetType": "AWS_ACCOUNT",
        "PermissionSetArn": organization.ADMIN_PERMISSION_SET_ARN,
        "PrincipalType": "GROUP",
        "PrincipalId": principal_id,
        **changes,
    }


def assigned(admin: Any, account_id: str) -> list[str]:
    answer = admin.list_account_assignments(
        InstanceArn=INSTANCE, AccountId=account_id, PermissionSetArn=organization.ADMIN_PERMISSION_SET_ARN
    )
    return [item["PrincipalId"] for item in answer["AccountAssignments"]]


def creation(admin: Any, request_id: str) -> dict[str, Any]:
    answer = admin.describe_account_assignment_creation_status(
        InstanceArn=INSTANCE, AccountAssignmentCreationRequestId=request_id
    )
    found: dict[str, Any] = answer["AccountAssignmentCreationStatus"]
    return found


def deletion(admin: Any, request_id: str) -> dict[str, Any]:
    answer = admin.describe_account_assignment_deletion_status(
        InstanceArn=INSTANCE, AccountAssignmentDeletionRequestId=request_id
    )
    found: dict[str, Any] = answer["AccountAssignmentDeletionStatus"]
    return found


# --- identity store ---


@pytest.mark.parametrize(
    ("path", "value"),
    [("userName", "alice@example.com"), ("userName", "ALICE@example.com"), ("emails.value", "alice@example.com")],
)
def test_a_user_is_looked_up(store: Any, path: str, value: str) -> None:
    assert store.get_user_id(**unique(path, value))["UserId"] == ALICE


@pytest.mark.parametrize("path", ["displayName", "name.givenName"])
def test_a_path_that_is_not_unique_is_refused(store: Any, path: str) -> None:
    assert refusal(store.get_user_id, **unique(path, "x"))["Error"]["Code"] == "ValidationException"


def test_unknown_users_and_groups_are_named_by_their_type(store: Any) -> None:
    user = refusal(store.get_user_id, **unique("userName", "nobody@example.com"))
    assert (user["Error"]["Code"], user["ResourceType"]) == ("ResourceNotFoundException", "USER")
    group = refusal(store.get_group_id, **unique("displayName", "nothing"))
    assert (group["Error"]["Code"], group["ResourceType"]) == ("ResourceNotFoundException", "GROUP")


def test_a_group_lives(store: Any, group: str, group_name: str) -> None:
    assert store.get_group_id(**unique("displayName", group_name.upper()))["GroupId"] == group
    taken = refusal(store.create_group, IdentityStoreId=STORE, DisplayName=group_name.title())
    assert (taken["Error"]["Code"], taken["Reason"]) == ("ConflictException", "UNIQUENESS_CONSTRAINT_VIOLATION")
    change = {"AttributePath": "displayName", "AttributeValue": "shop.dev-reader"}
    store.update_group(IdentityStoreId=STORE, GroupId=group, Operations=[change])
    described = store.describe_group(IdentityStoreId=STORE, GroupId=group)
    assert (described["DisplayName"], described["Revision"]) == ("shop.dev-reader", "2")
    stale = refusal(store.delete_group, IdentityStoreId=STORE, GroupId=group, Revision="1")
    assert (stale["Error"]["Code"], stale["Reason"]) == ("ConflictException", "CONCURRENT_MODIFICATION")
    store.delete_group(IdentityStoreId=STORE, GroupId=group)
    gone = refusal(store.delete_group, IdentityStoreId=STORE, GroupId=group)
    assert gone["Error"]["Code"] == "ResourceNotFoundException"


@pytest.mark.parametrize("name", ["Administrator", "AWSAdministrators"])
def test_no_group_has_a_reserved_name(store: Any, group: str, name: str) -> None:
    made = refusal(store.create_group, IdentityStoreId=STORE, DisplayName=name)
    change = {"AttributePath": "displayName", "AttributeValue": name}
    renamed = refusal(store.update_group, IdentityStoreId=STORE, GroupId=group, Operations=[change])
    assert {made["Error"]["Code"], renamed["Error"]["Code"]} == {"ValidationException"}


def test_a_membership_lives(sandbox: Sandbox, store: Any, group: str) -> None:
    alice = {"IdentityStoreId": STORE, "GroupId": group, "MemberId": {"UserId": ALICE}}
    membership = store.create_group_membership(**alice)["MembershipId"]
    twice = refusal(store.create_group_membership, **alice)
    assert (twice["Error"]["Code"], twice["Reason"]) == ("ConflictException", "UNIQUENESS_CONSTRAINT_VIOLATION")
    assert store.get_group_membership_id(**alice)["MembershipId"] == membership
    answer = store.is_member_in_groups(IdentityStoreId=STORE, MemberId={"UserId": ALICE}, GroupIds=[group])
    assert answer["Results"][0]["MembershipExists"]
    shown = {item["id"]: item["members"] for item in sandbox.state()["identity_store"]["groups"]}
    assert shown[group] == ["alice@example.com"]
    store.delete_group_membership(IdentityStoreId=STORE, MembershipId=membership)
    gone = refusal(store.delete_group_membership, IdentityStoreId=STORE, MembershipId=membership)
    assert (gone["Error"]["Code"], gone["ResourceType"]) == ("ResourceNotFoundException", "GROUP_MEMBERSHIP")
    assert refusal(store.get_group_membership_id, **alice)["Error"]["Code"] == "ResourceNotFoundException"


@pytest.mark.parametrize(("group_known", "user_id", "kind"), [(True, NOBODY, "USER"), (False, ALICE, "GROUP")])
def test_a_membership_needs_both_ends(store: Any, group: str, group_known: bool, user_id: str, kind: str) -> None:
    group_id = group if group_known else NOBODY
    found = refusal(
        store.create_group_membership, IdentityStoreId=STORE, GroupId=group_id, MemberId={"UserId": user_id}
    )
    assert (found["Error"]["Code"], found["ResourceType"]) == ("ResourceNotFoundException", kind)


def test_memberships_come_in_pages_and_vanish_with_their_group(store: Any, group: str) -> None:
    for user_id in organization.USERS.values():
        store.create_group_membership(IdentityStoreId=STORE, GroupId=group, MemberId={"UserId": user_id})
    pages = store.get_paginator("list_group_memberships").paginate(
        IdentityStoreId=STORE, GroupId=group, PaginationConfig={"PageSize": 4}
    )
    found = [[item["MemberId"]["UserId"] for item in page["GroupMemberships"]] for page in pages]
    assert [len(page) for page in found] == [4, 2]
    assert {user_id for page in found for user_id in page} == set(organization.USERS.values())
    store.delete_group(IdentityStoreId=STORE, GroupId=group)
    left = store.list_group_memberships_for_member(IdentityStoreId=STORE, MemberId={"UserId": ALICE})
    assert left["GroupMemberships"] == []
    unknown = refusal(store.list_group_memberships, IdentityStoreId=STORE, GroupId=group)
    assert (unknown["Error"]["Code"], unknown["ResourceType"]) == ("ResourceNotFoundException", "GROUP")


def test_users_come_and_go(store: Any) -> None:
    person = {"UserName": "grace@example.com", "DisplayName": "Grace", "Name": {"GivenName": "G", "FamilyName": "H"}}
    user_id = store.create_user(IdentityStoreId=STORE, **person)["UserId"]
    assert user_id.startswith("1234567890-")
    assert refusal(store.create_user, IdentityStoreId=STORE, **person)["Reason"] == "UNIQUENESS_CONSTRAINT_VIOLATION"
    named = [{"AttributePath": "UserName", "AttributeValue": "grace@example.com"}]
    assert [item["UserId"] for item in store.list_users(IdentityStoreId=STORE, Filters=named)["Users"]] == [user_id]
    store.delete_user(IdentityStoreId=STORE, UserId=user_id)
    gone = refusal(store.describe_user, IdentityStoreId=STORE, UserId=user_id)
    assert (gone["Error"]["Code"], gone["ResourceType"]) == ("ResourceNotFoundException", "USER")


# --- permission sets and assignments ---


def test_the_instance_belongs_to_the_management_account_and_its_region(
    sandbox: Sandbox, admin: Any, member: str
) -> None:
    found = admin.list_instances()["Instances"][0]
    assert (found["InstanceArn"], found["IdentityStoreId"]) == (INSTANCE, STORE)
    stranger = sandbox.client("sso-admin", member)
    assert stranger.list_instances()["Instances"] == []
    denied = refusal(stranger.list_permission_sets, InstanceArn=INSTANCE)
    assert denied["Error"]["Code"] == "AccessDeniedException"
    elsewhere = sandbox.client("sso-admin", organization.MANAGEMENT_ACCOUNT_ID, "us-east-1")
    assert elsewhere.list_instances()["Instances"] == []
    unknown = refusal(admin.list_permission_sets, InstanceArn=f"{INSTANCE[:-1]}9")
    assert unknown["Error"]["Code"] == "ResourceNotFoundException"
    sandbox.operate("delegate_identity_center", account=member)
    assert stranger.list_instances()["Instances"] != []
    sandbox.operate("delegate_identity_center", account=None)


def test_permission_sets(admin: Any) -> None:
    created = admin.create_permission_set(InstanceArn=INSTANCE, Name="Auditor")["PermissionSet"]
    assert created["PermissionSetArn"].startswith(f"arn:aws:sso:::permissionSet/{organization.INSTANCE_ID}/ps-")
    described = admin.describe_permission_set(InstanceArn=INSTANCE, PermissionSetArn=created["PermissionSetArn"])
    assert described["PermissionSet"]["Name"] == "Auditor"
    pages = admin.get_paginator("list_permission_sets").paginate(InstanceArn=INSTANCE, PaginationConfig={"PageSize": 2})
    arns = [arn for page in pages for arn in page["PermissionSets"]]
    assert set(arns) >= {*organization.PERMISSION_SETS, created["PermissionSetArn"]}
    taken = refusal(admin.create_permission_set, InstanceArn=INSTANCE, Name="Auditor")
    assert taken["Error"]["Code"] == "ConflictException"


def test_an_assignment_holds_once_it_has_succeeded(sandbox: Sandbox, admin: Any, member: str, group: str) -> None:
    sandbox.set(assignment_seconds=MINUTES)
    accepted = admin.create_account_assignment(**assignment(member, group))["AccountAssignmentCreationStatus"]
    assert accepted["Status"] == "IN_PROGRESS"
    assert creation(admin, accepted["RequestId"])["Status"] == "IN_PROGRESS"
    sandbox.pass_time(MINUTES)
    assert creation(admin, accepted["RequestId"])["Status"] == "SUCCEEDED"
    assert assigned(admin, member) == [group]
    revoked = admin.delete_account_assignment(**assignment(member, group))["AccountAssignmentDeletionStatus"]
    assert assigned(admin, member) == [group]
    sandbox.pass_time(MINUTES)
    assert deletion(admin, revoked["RequestId"])["Status"] == "SUCCEEDED"
    assert assigned(admin, member) == []


def test_nothing_is_assigned_before_it_has_succeeded(sandbox: Sandbox, admin: Any, member: str, group: str) -> None:
    sandbox.set(assignment_seconds=MINUTES)
    request_id = admin.create_account_assignment(**assignment(member, group))["AccountAssignmentCreationStatus"][
        "RequestId"
    ]
    assert creation(admin, request_id)["Status"] == "IN_PROGRESS"
    assert assigned(admin, member) == []
    conflict = refusal(admin.create_account_assignment, **assignment(member, group))
    assert conflict["Error"]["Code"] == "ConflictException"
    wrong_kind = refusal(
        admin.describe_account_assignment_deletion_status,
        InstanceArn=INSTANCE,
        AccountAssignmentDeletionRequestId=request_id,
    )
    assert wrong_kind["Error"]["Code"] == "ResourceNotFoundException"


def test_a_repeated_assignment_is_one(admin: Any, member: str, group: str) -> None:
    for _ in range(2):
        accepted = admin.create_account_assignment(**assignment(member, group))["AccountAssignmentCreationStatus"]
        assert creation(admin, accepted["RequestId"])["Status"] == "SUCCEEDED"
    assert assigned(admin, member) == [group]


def test_too_many_outstanding_assignments_are_throttled(sandbox: Sandbox, admin: Any, group: str) -> None:
    sandbox.set(assignment_seconds=MINUTES, assignments_in_flight=2)
    for name in ("one", "two"):
        admin.create_account_assignment(**assignment(sandbox.account(name), group))
    found = refusal(admin.create_account_assignment, **assignment(sandbox.account("three"), group))
    assert found["Error"] == {"Code": "ThrottlingException", "Message": "There are too many requests processing"}
    shown = sandbox.state()["identity_center"]
    assert (len(shown["outstanding"]), shown["throttled"]) == (2, 1)


@pytest.mark.parametrize(
    "changes",
    [
        {"PrincipalId": NOBODY},
        {"PrincipalType": "USER"},
        {"PermissionSetArn": f"{organization.ADMIN_PERMISSION_SET_ARN[:-1]}9"},
    ],
)
def test_unknown_principals_and_permission_sets_are_refused_at_once(
    admin: Any, member: str, group: str, changes: dict[str, Any]
) -> None:
    found = refusal(admin.create_account_assignment, **assignment(member, group, **changes))
    assert found["Error"]["Code"] == "ResourceNotFoundException"


def test_an_unknown_account_fails_later(admin: Any, group: str) -> None:
    accepted = admin.create_account_assignment(**assignment("999999999999", group))["AccountAssignmentCreationStatus"]
    found = creation(admin, accepted["RequestId"])
    assert found["Status"] == "FAILED"
    assert "999999999999" in found["FailureReason"]


def test_assignments_outlive_their_group(store: Any, admin: Any, member: str, group: str) -> None:
    admin.create_account_assignment(**assignment(member, group))
    store.delete_group(IdentityStoreId=STORE, GroupId=group)
    assert assigned(admin, member) == [group]
    admin.delete_account_assignment(**assignment(member, group))
    assert assigned(admin, member) == []


def test_what_is_provisioned_where(sandbox: Sandbox, store: Any, admin: Any, member: str, group: str) -> None:
    store.create_group_membership(IdentityStoreId=STORE, GroupId=group, MemberId={"UserId": ALICE})
    other = sandbox.unique("permission-set")
    arn = admin.create_permission_set(InstanceArn=INSTANCE, Name=other)["PermissionSet"]["PermissionSetArn"]
    admin.create_account_assignment(**assignment(member, group, PermissionSetArn=arn))
    sets = admin.list_permission_sets_provisioned_to_account(InstanceArn=INSTANCE, AccountId=member)
    assert sets["PermissionSets"] == [arn]
    accounts = admin.list_accounts_for_provisioned_permission_set(InstanceArn=INSTANCE, PermissionSetArn=arn)
    assert accounts["AccountIds"] == [member]
    for kind, principal_id in (("GROUP", group), ("USER", ALICE)):
        answer = admin.list_account_assignments_for_principal(
            InstanceArn=INSTANCE, PrincipalType=kind, PrincipalId=principal_id
        )
        assert member in [item["AccountId"] for item in answer["AccountAssignments"]]


def test_an_operation_that_is_not_offered_is_refused(admin: Any) -> None:
    found = refusal(admin.list_applications, InstanceArn=INSTANCE)
    assert found["Error"]["Code"] == "UnknownOperationException"
