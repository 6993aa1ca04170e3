"""Groups, memberships, assignments, roles, providers and aliases that readers do not see yet."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from uuid import uuid4

import boto3
import httpx2
import pytest

from tests.workers.sandbox.conftest import error_of
from tests.workers.sandbox.requests import Sandbox
from workers.sandbox import organization
from workers.sandbox.client import SimulatorClient

STORE, INSTANCE = organization.IDENTITY_STORE_ID, organization.INSTANCE_ARN
ALICE = organization.USERS["alice@example.com"]
ADMIN = organization.ADMIN_PERMISSION_SET_ARN
METADATA = "<EntityDescriptor><IDPSSODescriptor/>" + "x" * 1000 + "</EntityDescriptor>"
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"


def code(call: Callable[[], Any]) -> str:
    return str(error_of(call)["Code"])


@pytest.fixture
def sandbox(simulator: SimulatorClient, session: boto3.Session) -> Sandbox:
    return Sandbox(simulator, session)


@pytest.fixture
def store(sandbox: Sandbox) -> Any:
    return sandbox.client("identitystore", organization.MANAGEMENT_ACCOUNT_ID)


@pytest.fixture
def admin(sandbox: Sandbox) -> Any:
    sandbox.set(assignment_seconds=0)
    return sandbox.client("sso-admin", organization.MANAGEMENT_ACCOUNT_ID)


@pytest.fixture
def member(sandbox: Sandbox) -> str:
    return sandbox.account("member")


@pytest.fixture
def iam(sandbox: Sandbox, member: str) -> Any:
    return sandbox.client("iam", member)


@pytest.fixture
def scim(simulator: SimulatorClient) -> Iterator[httpx2.Client]:
    headers = {"Authorization": f"Bearer {organization.SCIM_ACCESS_TOKEN}"}
    with httpx2.Client(base_url=simulator.url + organization.SCIM_PATH, headers=headers, trust_env=False) as client:
        yield client


def new_group(store: Any, name: str) -> str:
    return str(store.create_group(IdentityStoreId=STORE, DisplayName=name)["GroupId"])


def test_a_young_group_is_not_found_and_its_name_is_taken(sandbox: Sandbox, store: Any) -> None:
    name = sandbox.unique("young")
    sandbox.simulator.delay(kind="group")
    group = new_group(store, name)
    attribute = {"UniqueAttribute": {"AttributePath": "displayName", "AttributeValue": name}}
    join = {"GroupId": group, "MemberId": {"UserId": ALICE}}
    calls = [
        partial(store.get_group_id, IdentityStoreId=STORE, AlternateIdentifier=attribute),
        partial(store.describe_group, IdentityStoreId=STORE, GroupId=group),
        partial(store.list_group_memberships, IdentityStoreId=STORE, GroupId=group),
        partial(store.create_group_membership, IdentityStoreId=STORE, **join),
        partial(store.delete_group, IdentityStoreId=STORE, GroupId=group),
    ]
    for call in calls:
        refused = error_of(call)
        assert (refused["Code"], refused["ResourceType"]) == ("ResourceNotFoundException", "GROUP")
    named = [{"AttributePath": "DisplayName", "AttributeValue": name}]
    assert store.list_groups(IdentityStoreId=STORE, Filters=named)["Groups"] == []
    assert code(partial(new_group, store, name)) == "ConflictException"
    sandbox.simulator.show_everything()
    for call in calls:
        call()


def test_a_deleted_group_is_still_shown_and_cannot_be_deleted_again(sandbox: Sandbox, store: Any) -> None:
    group = new_group(store, sandbox.unique("gone"))
    sandbox.simulator.delay(kind="group", id=group)
    delete = partial(store.delete_group, IdentityStoreId=STORE, GroupId=group)
    delete()
    assert store.describe_group(IdentityStoreId=STORE, GroupId=group)["GroupId"] == group
    assert code(delete) == "ResourceNotFoundException"
    sandbox.simulator.show_everything()
    assert code(partial(store.describe_group, IdentityStoreId=STORE, GroupId=group)) == "ResourceNotFoundException"


def test_memberships_come_and_go_late(sandbox: Sandbox, store: Any) -> None:
    group = new_group(store, sandbox.unique("members"))
    alice = {"IdentityStoreId": STORE, "GroupId": group, "MemberId": {"UserId": ALICE}}

    def members() -> list[str]:
        found = store.list_group_memberships(IdentityStoreId=STORE, GroupId=group)["GroupMemberships"]
        return [each["MemberId"]["UserId"] for each in found]

    sandbox.simulator.delay(kind="membership", id=f"{group}/{ALICE}")
    membership = store.create_group_membership(**alice)["MembershipId"]
    leave = partial(store.delete_group_membership, IdentityStoreId=STORE, MembershipId=membership)
    assert members() == []
    assert code(partial(store.create_group_membership, **alice)) == "ConflictException"
    assert code(leave) == "ResourceNotFoundException"
    sandbox.simulator.show_everything()
    assert members() == [ALICE]

    sandbox.simulator.delay(kind="membership")
    leave()
    assert members() == [ALICE]
    assert code(leave) == "ResourceNotFoundException"
    sandbox.simulator.show_everything()
    assert members() == []


def test_scim_shows_groups_and_members_late_too(sandbox: Sandbox, scim: httpx2.Client) -> None:
    name = sandbox.unique("scim")
    sandbox.simulator.delay(kind="group")
    group = scim.post("/Groups", json={"displayName": name}).json()["id"]
    value = [{"value": ALICE}]
    patch = {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{"op": "add", "path": "members", "value": value}],
    }

    def members() -> list[str]:
        found = scim.get("/Users", params={"filter": f'groups.value eq "{group}"'}).json()
        return [each["id"] for each in found["Resources"]]

    assert scim.get("/Groups", params={"filter": f'displayName eq "{name}"'}).json()["Resources"] == []
    assert scim.get(f"/Groups/{group}").status_code == 404
    assert scim.patch(f"/Groups/{group}", json=patch).status_code == 404
    assert scim.delete(f"/Groups/{group}").status_code == 404
    assert scim.post("/Groups", json={"displayName": name}).status_code == 409
    sandbox.simulator.show_everything()
    sandbox.simulator.delay(kind="membership")
    assert scim.patch(f"/Groups/{group}", json=patch).status_code == 204
    assert members() == []
    sandbox.simulator.show_everything()
    assert members() == [ALICE]


@pytest.mark.parametrize(
    ("kind", "words"), [("group", "the GROUP assignee {} was not found in directory"), ("account", "takes longer than")]
)
def test_an_assignment_of_something_young_is_taken_and_fails_later(
    sandbox: Sandbox, admin: Any, store: Any, kind: str, words: str
) -> None:
    sandbox.simulator.delay(kind=kind, times=2)
    group, account = new_group(store, sandbox.unique("young")), sandbox.account("young")

    def outcome() -> dict[str, Any]:
        request = admin.create_account_assignment(**assignment(account, group))["AccountAssignmentCreationStatus"]
        assert request["Status"] == "IN_PROGRESS"
        found: dict[str, Any] = admin.describe_account_assignment_creation_status(
            InstanceArn=INSTANCE, AccountAssignmentCreationRequestId=request["RequestId"]
        )["AccountAssignmentCreationStatus"]
        return found

    failed = outcome()
    assert failed["Status"] == "FAILED"
    assert words.format(group) in failed["FailureReason"]
    sandbox.simulator.show_everything()
    assert outcome()["Status"] == "SUCCEEDED"


def assignment(account: str, group: str) -> dict[str, Any]:
    target = {"TargetId": account, "TargetType": "AWS_ACCOUNT", "PermissionSetArn": ADMIN}
    return {"InstanceArn": INSTANCE, **target, "PrincipalType": "GROUP", "PrincipalId": group}


def test_assignments_come_and_go_late_in_lists(sandbox: Sandbox, admin: Any, store: Any, member: str) -> None:
    group = new_group(store, sandbox.unique("assigned"))

    def assigned() -> list[str]:
        found = admin.list_account_assignments(InstanceArn=INSTANCE, AccountId=member, PermissionSetArn=ADMIN)
        return [each["PrincipalId"] for each in found["AccountAssignments"]]

    sandbox.simulator.delay(kind="account_assignment", id=f"{member}/{ADMIN}/GROUP/{group}")
    admin.create_account_assignment(**assignment(member, group))
    assert assigned() == []
    assert sandbox.state()["identity_center"]["assignments"][-1]["AccountId"]
    sandbox.simulator.show_everything()
    assert assigned() == [group]

    sandbox.simulator.delay(kind="account_assignment")
    admin.delete_account_assignment(**assignment(member, group))
    assert assigned() == [group]
    sandbox.simulator.show_everything()
    assert assigned() == []


def trust(*arns: str, action: str = "sts:AssumeRole", kind: str = "AWS") -> str:
    statement = {"Effect": "Allow", "Principal": {kind: list(arns)}, "Action": action}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_a_young_role_is_not_found_and_cannot_be_assumed(sandbox: Sandbox, member: str, iam: Any) -> None:
    sandbox.simulator.delay(kind="role", id=f"{member}/young")
    document = trust(f"arn:aws:iam::{organization.MANAGEMENT_ACCOUNT_ID}:root")
    create = partial(iam.create_role, RoleName="young", AssumeRolePolicyDocument=document)
    create()
    calls = [
        partial(iam.get_role, RoleName="young"),
        partial(iam.list_attached_role_policies, RoleName="young"),
        partial(iam.attach_role_policy, RoleName="young", PolicyArn=READ_ONLY),
        partial(iam.put_role_policy, RoleName="young", PolicyName="own", PolicyDocument=policy()),
        partial(iam.update_assume_role_policy, RoleName="young", PolicyDocument=document),
    ]
    assert {code(call) for call in calls} == {"NoSuchEntity"}
    assert "young" not in {role["RoleName"] for role in iam.list_roles()["Roles"]}
    assert code(create) == "EntityAlreadyExists"
    sts = sandbox.client("sts", organization.MANAGEMENT_ACCOUNT_ID)
    enter = partial(sts.assume_role, RoleArn=f"arn:aws:iam::{member}:role/young", RoleSessionName="test")
    assert code(enter) == "AccessDenied"
    sandbox.simulator.show_everything()
    for call in [*calls, enter]:
        call()
    assert "young" in {role["RoleName"] for role in iam.list_roles()["Roles"]}


def policy() -> str:
    statement = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_what_changes_of_a_role_is_seen_late(sandbox: Sandbox, member: str, iam: Any) -> None:
    nobody, everybody = trust(member), trust(f"arn:aws:iam::{organization.MANAGEMENT_ACCOUNT_ID}:root")
    iam.create_role(RoleName="changed", AssumeRolePolicyDocument=nobody)
    sandbox.simulator.delay(kind="role", times=4)
    iam.attach_role_policy(RoleName="changed", PolicyArn=READ_ONLY)
    iam.put_role_policy(RoleName="changed", PolicyName="own", PolicyDocument=policy())
    iam.update_assume_role_policy(RoleName="changed", PolicyDocument=everybody)
    sts = sandbox.client("sts", organization.MANAGEMENT_ACCOUNT_ID)
    enter = partial(sts.assume_role, RoleArn=f"arn:aws:iam::{member}:role/changed", RoleSessionName="test")

    def seen() -> tuple[int, list[str], bool]:
        attached = iam.list_attached_role_policies(RoleName="changed")["AttachedPolicies"]
        inline = iam.list_role_policies(RoleName="changed")["PolicyNames"]
        document = iam.get_role(RoleName="changed")["Role"]["AssumeRolePolicyDocument"]
        return len(attached), inline, document == json.loads(everybody)

    assert seen() == (0, [], False)
    assert code(enter) == "AccessDenied"
    assert code(partial(iam.delete_role, RoleName="changed")) == "DeleteConflict"
    sandbox.simulator.show_everything()
    assert seen() == (1, ["own"], True)
    enter()


def test_a_deleted_role_is_still_shown(sandbox: Sandbox, iam: Any) -> None:
    iam.create_role(RoleName="gone", AssumeRolePolicyDocument=trust("*"))
    sandbox.simulator.delay(kind="role")
    iam.delete_role(RoleName="gone")
    assert iam.get_role(RoleName="gone")["Role"]["RoleName"] == "gone"
    assert code(partial(iam.delete_role, RoleName="gone")) == "NoSuchEntity"
    sandbox.simulator.show_everything()
    assert code(partial(iam.get_role, RoleName="gone")) == "NoSuchEntity"


def test_a_young_provider_is_not_found_and_cannot_be_trusted(sandbox: Sandbox, iam: Any) -> None:
    sandbox.simulator.delay(kind="saml_provider")
    create = partial(iam.create_saml_provider, Name="young", SAMLMetadataDocument=METADATA)
    arn = create()["SAMLProviderArn"]
    document = trust(arn, action="sts:AssumeRoleWithSAML", kind="Federated")
    role = partial(iam.create_role, RoleName="federated", AssumeRolePolicyDocument=document)
    assert code(partial(iam.get_saml_provider, SAMLProviderArn=arn)) == "NoSuchEntity"
    assert iam.list_saml_providers()["SAMLProviderList"] == []
    assert code(create) == "EntityAlreadyExists"
    assert code(role) == "MalformedPolicyDocument"
    sandbox.simulator.show_everything()

    sandbox.simulator.delay(kind="saml_provider", id=arn)
    iam.update_saml_provider(SAMLProviderArn=arn, SAMLMetadataDocument=METADATA + " ")
    assert iam.get_saml_provider(SAMLProviderArn=arn)["SAMLMetadataDocument"] == METADATA
    sandbox.simulator.show_everything()
    assert iam.get_saml_provider(SAMLProviderArn=arn)["SAMLMetadataDocument"] == METADATA + " "
    role()


def test_an_alias_is_seen_late_and_taken_at_once(sandbox: Sandbox, member: str, iam: Any) -> None:
    first, second = f"first-{uuid4().hex}", f"second-{uuid4().hex}"
    iam.create_account_alias(AccountAlias=first)
    sandbox.simulator.delay(kind="account_alias", id=member)
    iam.create_account_alias(AccountAlias=second)
    assert iam.list_account_aliases()["AccountAliases"] == [first]
    elsewhere = sandbox.client("iam", sandbox.account("other"))
    assert code(partial(elsewhere.create_account_alias, AccountAlias=second)) == "EntityAlreadyExists"
    sandbox.simulator.show_everything()
    assert iam.list_account_aliases()["AccountAliases"] == [second]
