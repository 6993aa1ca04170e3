"""The OUs below the root are listed by one for all tenants that look for the OU of their workspace."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from tasks.aws import Lane
from tasks.errors import LaneFull, TransientError
from tasks.model.desired import Tenant, TenantId
from tasks.model.handles import Handles
from tasks.organization.unit_lists import SharedUnitLists
from tasks.state.store import Store
from tasks.steps.move_to_ou import move_to_ou
from tests.tasks.steps.world import World
from workers.sandbox import organization
from workers.sandbox.organization import ROOT_ID

MANAGEMENT = organization.MANAGEMENT_ACCOUNT_ID
LANE = f"{Lane.UNIT_LIST} in {MANAGEMENT}"
NO_TARGET = {"target_organizational_unit": None}
LISTING = "ListOrganizationalUnitsForParent"


@pytest.fixture
def world(world: World, store: Store) -> World:
    """Let the world share what it lists, as workers do."""
    world.unit_lists = SharedUnitLists(store, MANAGEMENT)
    return world


def operations(world: World, mark: int) -> Counter[str]:
    return Counter(call.operation for call in world.simulator.calls(mark))


def with_account(world: World, project: str = "shop") -> tuple[Tenant, Handles]:
    tenant = world.tenant(project, landing_zone=NO_TARGET)
    return tenant, world.account(tenant)


def in_workspace(tenant: Tenant, workspace: str) -> Tenant:
    return replace(tenant, id=TenantId(workspace, tenant.id.project, tenant.id.platform))


def unit_of(world: World, name: str) -> str:
    units = world.simulator.state()["organizational_units"].values()
    [found] = [unit["id"] for unit in units if unit["name"] == name]
    return str(found)


def test_one_list_is_enough_for_all_workspaces(world: World) -> None:
    made = [with_account(world, project) for project in ("one", "two", "three")]
    for number in range(2):
        world.aws(made[0][0]).organizations.create_unit(ROOT_ID, f"{world.workspace}-{number}")
    first, *others = [
        (in_workspace(tenant, f"{world.workspace}-{number % 2}"), handles)
        for number, (tenant, handles) in enumerate(made)
    ]
    world.run(move_to_ou, *first)
    mark = world.simulator.mark()

    outcomes = [world.run(move_to_ou, *each) for each in others]

    units = [unit_of(world, tenant.id.workspace) for tenant, _ in others]
    assert [outcome.handles.organizational_unit for outcome in outcomes] == units
    counted = operations(world, mark)
    assert (counted[LISTING], counted["ListRoots"], counted["MoveAccount"]) == (0, 0, 2)


def test_an_ou_that_was_made_since_the_list_is_used(world: World) -> None:
    made = with_account(world)
    world.aws(made[0]).below_root_now("anything")
    world.aws(made[0]).organizations.create_unit(ROOT_ID, world.workspace)

    outcome = world.run(move_to_ou, *made)

    assert outcome.handles.organizational_unit == unit_of(world, world.workspace)
    assert "new" not in outcome.note


def test_an_ou_that_is_gone_since_the_list_is_made_again(world: World, store: Store) -> None:
    made = with_account(world)
    name = f"name:{world.workspace}"
    world.aws(made[0]).below_root_now("anything")
    gone = {"root": ROOT_ID, name: "ou-sbox-00deleted0"}
    store.unit_lists.share(MANAGEMENT, gone, world.visibility_grace)

    with pytest.raises(TransientError, match="does not know the workspace's OU"):
        world.run(move_to_ou, *made)
    outcome = world.run(move_to_ou, made[0], world.remembered[-1])

    assert outcome.handles.organizational_unit == unit_of(world, world.workspace)


def test_the_next_one_sees_an_ou_that_we_have_made(world: World) -> None:
    one, two = with_account(world, "one"), with_account(world, "two")
    world.run(move_to_ou, *one)
    mark = world.simulator.mark()

    world.run(move_to_ou, *two)

    assert operations(world, mark)["CreateOrganizationalUnit"] == 0


def test_while_one_lists_the_others_wait(world: World) -> None:
    made = with_account(world)
    world.places.enter(LANE, "another.tenant", 1)
    mark = world.simulator.mark()

    with pytest.raises(LaneFull, match="waiting for the list of OUs"):
        world.run(move_to_ou, *made)
    assert operations(world, mark)[LISTING] == 0

    world.places.leave(LANE, "another.tenant")
    world.run(move_to_ou, *made)
    assert world.places.taken[LANE] == []
