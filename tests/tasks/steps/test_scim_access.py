"""Access through SCIM from the order to its end: groups and members by SCIM, permission sets by account assignments."""

from __future__ import annotations

from typing import Any

import pytest

from tasks.aws import Lane
from tasks.model.desired import Tenant
from tasks.model.handles import Handles
from tasks.permissions.groups import without_people
from tasks.steps.assign_permission_sets import assign_permission_sets
from tasks.steps.sync_groups import sync_groups
from tests.tasks.steps.world import SCIM, World
from workers.sandbox import organization

ALICE, BOB = "alice@example.com", "bob@example.com"


def tenant_of(world: World, **roles: str) -> Tenant:
    access = [{"username": euid, "euid": euid, "roles": [role]} for role, euid in roles.items()]
    return world.tenant(desired={"access": access}, platform={"identity_store": None, "scim": SCIM})


def replicate(world: World, tenant: Tenant, handles: Handles) -> Handles:
    return world.finish(assign_permission_sets, tenant, world.finish(sync_groups, tenant, handles).handles).handles


def access(world: World, handles: Handles) -> dict[str, tuple[list[str], set[str]]]:
    """Members and permission sets by group, of this test's groups."""
    state = world.simulator.state()
    rows = state["identity_center"]["assignments"]
    return {
        group["name"].rpartition("-")[2]: (
            group["members"],
            {row["PermissionSetArn"] for row in rows if row["PrincipalId"] == group["id"]},
        )
        for group in state["identity_store"]["groups"]
        if world.workspace in group["name"]
    }


@pytest.fixture
def account(world: World) -> Handles:
    return world.created(tenant_of(world))


def test_scims_groups_get_their_permission_sets(world: World, account: Handles) -> None:
    tenant = tenant_of(world, admin=ALICE, reader=BOB)
    mark = world.simulator.mark()

    handles = replicate(world, tenant, account)

    assert access(world, handles) == {
        "admin": ([ALICE], {organization.ADMIN_PERMISSION_SET_ARN}),
        "reader": ([BOB], {organization.READER_PERMISSION_SET_ARN}),
    }
    services = {call.service for call in world.simulator.calls(mark)}
    assert "scim" in services
    assert "identitystore" not in services


def test_a_second_run_writes_nothing(world: World, account: Handles) -> None:
    tenant = tenant_of(world, admin=ALICE, reader=BOB)
    handles = replicate(world, tenant, account)
    mark = world.simulator.mark()

    again = replicate(world, tenant, handles)

    assert again == handles
    calls = world.simulator.calls(mark)
    assert [call.operation for call in calls if call.write] == []
    assert [call.operation for call in calls if call.service == "scim"] == ["ListUsers", "ListUsers"]


def test_after_a_loss_of_redis_who_lost_a_role_is_out(world: World, account: Handles) -> None:
    replicate(world, tenant_of(world, admin=ALICE, reader=BOB), account)

    handles = replicate(world, tenant_of(world, admin=ALICE), account)

    assert access(world, handles) == {"admin": ([ALICE], {organization.ADMIN_PERMISSION_SET_ARN})}


def test_a_deleted_tenants_groups_are_gone(world: World, account: Handles) -> None:
    tenant = tenant_of(world, admin=ALICE, reader=BOB)
    handles = replicate(world, tenant, account)

    replicate(world, without_people(tenant), handles)

    assert access(world, handles) == {}


def test_every_scim_call_passes_the_seam(world: World, account: Handles) -> None:
    replicate(world, tenant_of(world, admin=ALICE), account)

    records: list[Any] = [record for record in world.records if record.service == "scim"]
    assert {(record.operation, record.write) for record in records} >= {
        ("list_groups", False),
        ("list_users", False),
        ("create_group", True),
        ("patch_group", True),
    }
    assert all(record.request_id and record.code is None for record in records)
    assert {record.account_id for record in records} == {organization.MANAGEMENT_ACCOUNT_ID}
    assert world.places.taken[f"{Lane.ACCOUNT_ASSIGNMENT} in {organization.INSTANCE_ARN}"] == []
