"""What people change by hand in AWS between two replications, each thing a function of a tenant's account."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import boto3

from tasks.model.desired import Tenant
from tasks.model.handles import Handles
from tasks.names import TENANT_TAG
from tests.support.waiting import eventually
from tests.tasks.steps.by_hand import by_hand
from tests.tasks.steps.world import World
from workers.sandbox import organization

STACK = "meshstack-cf-access"
STORE = organization.IDENTITY_STORE_ID
Drift = Callable[[World, Tenant, Handles], None]


def move(world: World, tenant: Tenant, handles: Handles) -> None:
    """Move the account elsewhere."""
    world.simulator.operator("move_account", account=handles.account_id, parent_id=organization.QUARANTINE_OU_ID)


def retag(world: World, tenant: Tenant, handles: Handles) -> None:
    """Take the tenant's tag away, and set one that looks like ours."""
    tags = {TENANT_TAG: None, "meshstack_stale": "x", "theirs": "kept"}
    world.simulator.operator("tag_account", account=handles.account_id, tags=tags)


def drop_alias(world: World, tenant: Tenant, handles: Handles) -> None:
    """Delete the account's alias."""
    with by_hand(world):
        iam = world.sessions.member(tenant.platform, handles.known_account(), "iam", organization.REGION)
        for alias in iam.list_account_aliases()["AccountAliases"]:
            iam.delete_account_alias(AccountAlias=alias)


def change_members(world: World, tenant: Tenant, handles: Handles) -> None:
    """Take the members of one group out, and put them into every other one."""
    people, (first, *others) = _administrator(world, "identitystore"), _groups(world, tenant)
    for membership in people.list_group_memberships(IdentityStoreId=STORE, GroupId=first["id"])["GroupMemberships"]:
        people.delete_group_membership(IdentityStoreId=STORE, MembershipId=membership["MembershipId"])
        for other in others:
            there = people.list_group_memberships(IdentityStoreId=STORE, GroupId=other["id"])["GroupMemberships"]
            if membership["MemberId"] not in [each["MemberId"] for each in there]:
                people.create_group_membership(
                    IdentityStoreId=STORE, GroupId=other["id"], MemberId=membership["MemberId"]
                )


def delete_group(world: World, tenant: Tenant, handles: Handles) -> None:
    """Delete one of the tenant's groups."""
    _administrator(world, "identitystore").delete_group(IdentityStoreId=STORE, GroupId=_groups(world, tenant)[-1]["id"])


def unassign(world: World, tenant: Tenant, handles: Handles) -> None:
    """Delete one of the account's assignments."""
    row = _assignments(world, handles)[0]
    target = {"TargetId": row["AccountId"], "TargetType": "AWS_ACCOUNT"}
    who = {name: row[name] for name in ("PermissionSetArn", "PrincipalType", "PrincipalId")}
    access = _administrator(world, "sso-admin")
    access.delete_account_assignment(InstanceArn=organization.INSTANCE_ARN, **target, **who)
    eventually(lambda: row not in _assignments(world, handles))


def drop_stack(world: World, tenant: Tenant, handles: Handles) -> None:
    """Delete the access stack."""
    with by_hand(world):
        region = tenant.platform.region
        stacks = world.sessions.member(tenant.platform, handles.known_account(), "cloudformation", region)
        stacks.delete_stack(StackName=STACK)
        alive = ["CREATE_COMPLETE", "UPDATE_COMPLETE", "DELETE_IN_PROGRESS"]
        eventually(
            lambda: (
                STACK
                not in [each["StackName"] for each in stacks.list_stacks(StackStatusFilter=alive)["StackSummaries"]]
            )
        )


def strip_roles(world: World, tenant: Tenant, handles: Handles) -> None:
    """Take the policies from the roles into which people sign in."""
    federation = tenant.platform.identity_federation
    assert federation is not None
    with by_hand(world):
        iam = world.sessions.member(tenant.platform, handles.known_account(), "iam", organization.REGION)
        for role in [mapping.aws_role for mapping in federation.role_mappings]:
            for policy in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
                iam.detach_role_policy(RoleName=role, PolicyArn=policy["PolicyArn"])


EVERYWHERE: Mapping[str, Drift] = {each.__name__: each for each in (move, retag, drop_alias)}
IDENTITY_CENTER: Mapping[str, Drift] = {each.__name__: each for each in (change_members, delete_group, unassign)}
FEDERATION: Mapping[str, Drift] = {strip_roles.__name__: strip_roles}


def _administrator(world: World, service: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=world.simulator.url,
        region_name=organization.REGION,
        aws_access_key_id=organization.ADMINISTRATOR_ACCESS_KEY,
        aws_secret_access_key=organization.ADMINISTRATOR_SECRET_KEY,
    )


def _groups(world: World, tenant: Tenant) -> list[dict[str, Any]]:
    groups = world.simulator.state()["identity_store"]["groups"]
    mine = f"{tenant.id.workspace}.{tenant.id.project}"
    return sorted((each for each in groups if mine in each["name"]), key=lambda each: str(each["name"]))


def _assignments(world: World, handles: Handles) -> list[dict[str, Any]]:
    rows = world.simulator.state()["identity_center"]["assignments"]
    return [row for row in rows if row["AccountId"] == handles.account_id]
