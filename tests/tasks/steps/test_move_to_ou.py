"""move_to_ou: the account stands where its landing zone says."""

from __future__ import annotations

from typing import Any

import pytest

from tasks.errors import AccessDenied, NotFound, TransientError, Unanswered
from tasks.model.handles import Handles
from tasks.model.replication import Done
from tasks.steps.move_to_ou import move_to_ou
from tests.tasks.steps.world import World
from workers.sandbox.organization import DEVELOPMENT_OU_ID, PRODUCTION_OU_ID, ROOT_ID

NO_TARGET = {"target_organizational_unit": None}


def parent(world: World, handles: Handles) -> Any:
    return world.simulator.state()["accounts"][handles.account_id]["parent_id"]


def test_a_new_account_is_moved_and_then_stays(world: World) -> None:
    handles = world.account(tenant := world.tenant())

    first, _, writes = world.counted(move_to_ou, tenant, handles)
    second, reads, again = world.counted(move_to_ou, tenant, first.handles)

    assert parent(world, handles) == DEVELOPMENT_OU_ID == first.handles.organizational_unit
    assert first.note == f"moved from {ROOT_ID} to {DEVELOPMENT_OU_ID}"
    assert writes == 1
    assert second == Done(first.handles, f"already in {DEVELOPMENT_OU_ID}")
    assert (reads, again) == (1, 0)


def test_the_root_may_be_the_target(world: World) -> None:
    handles = world.account(tenant := world.tenant(landing_zone={"target_organizational_unit": ROOT_ID}))

    assert world.run(move_to_ou, tenant, handles).note == f"already in {ROOT_ID}"


def test_an_account_that_people_moved_comes_back(world: World) -> None:
    handles = world.account(tenant := world.tenant())
    world.simulator.operator("move_account", account=handles.account_id, parent_id=PRODUCTION_OU_ID)

    world.run(move_to_ou, tenant, handles)

    assert parent(world, handles) == DEVELOPMENT_OU_ID


def test_a_crash_after_the_move_leaves_nothing_to_do(world: World) -> None:
    handles = world.account(tenant := world.tenant())
    world.simulator.inject(operation="MoveAccount", kind="lost_response")

    with pytest.raises(Unanswered):
        world.run(move_to_ou, tenant, handles)
    _, _, writes = world.counted(move_to_ou, tenant, handles)

    assert parent(world, handles) == DEVELOPMENT_OU_ID
    assert writes == 0


@pytest.mark.parametrize("deep", [True, False])
def test_an_account_below_the_target_stays_only_where_the_platform_allows_it(world: World, deep: bool) -> None:
    tenant = world.tenant(platform={"allow_hierarchical_organizational_unit_assignment": deep})
    handles = world.account(tenant)
    below = world.simulator.operator("create_ou", name=world.workspace, parent_id=DEVELOPMENT_OU_ID)["id"]
    deeper = world.simulator.operator("create_ou", name="deeper", parent_id=below)["id"]
    world.simulator.operator("move_account", account=handles.account_id, parent_id=deeper)

    outcome = world.run(move_to_ou, tenant, handles)

    assert parent(world, handles) == outcome.handles.organizational_unit == (deeper if deep else DEVELOPMENT_OU_ID)


def test_beside_the_target_is_not_below_it(world: World) -> None:
    tenant = world.tenant(platform={"allow_hierarchical_organizational_unit_assignment": True})
    handles = world.account(tenant)
    world.simulator.operator("move_account", account=handles.account_id, parent_id=PRODUCTION_OU_ID)

    world.run(move_to_ou, tenant, handles)

    assert parent(world, handles) == DEVELOPMENT_OU_ID


def test_without_a_target_the_tenants_of_a_workspace_share_its_ou(world: World) -> None:
    first, second = (world.tenant(name, landing_zone=NO_TARGET) for name in ("first", "second"))
    handles, others = world.account(first), world.account(second)

    outcome = world.run(move_to_ou, first, handles)
    world.run(move_to_ou, second, others)
    _, reads, writes = world.counted(move_to_ou, first, outcome.handles)

    units = world.simulator.state()["organizational_units"].values()
    (unit,) = [unit for unit in units if unit["name"] == world.workspace]
    assert unit["parent_id"] == ROOT_ID
    assert parent(world, handles) == parent(world, others) == unit["id"]
    assert "new" in outcome.note
    assert (reads, writes) == (1, 0)


def test_an_ou_created_by_somebody_else_meanwhile_is_used(world: World) -> None:
    tenant = world.tenant(landing_zone=NO_TARGET)
    handles = world.account(tenant)
    world.simulator.inject(operation="CreateOrganizationalUnit", kind="lost_response")

    with pytest.raises(Unanswered):
        world.run(move_to_ou, tenant, handles)
    outcome = world.run(move_to_ou, tenant, handles)

    units = world.simulator.state()["organizational_units"].values()
    assert [unit["id"] for unit in units if unit["name"] == world.workspace] == [parent(world, handles)]
    assert outcome.handles.workspace_unit == parent(world, handles)


def test_an_ou_that_exists_and_is_not_listed_yet_is_tried_again(world: World) -> None:
    tenant = world.tenant(landing_zone=NO_TARGET)
    handles = world.account(tenant)
    code = "DuplicateOrganizationalUnitException"
    world.simulator.inject(operation="CreateOrganizationalUnit", code=code, status=400)

    with pytest.raises(TransientError, match=code):
        world.run(move_to_ou, tenant, handles)


def test_a_workspace_ou_that_was_deleted_is_made_again(world: World) -> None:
    tenant = world.tenant(landing_zone=NO_TARGET)
    handles = world.account(tenant, workspace_unit="ou-sbox-00deleted0")

    with pytest.raises(TransientError):
        world.run(move_to_ou, tenant, handles)
    outcome = world.run(move_to_ou, tenant, world.remembered[-1])

    assert parent(world, handles) == outcome.handles.workspace_unit


def test_an_account_that_moves_meanwhile_is_tried_again(world: World) -> None:
    handles = world.account(tenant := world.tenant())
    world.simulator.inject(operation="MoveAccount", code="SourceParentNotFoundException", status=400)

    with pytest.raises(TransientError):
        world.run(move_to_ou, tenant, handles)
    assert isinstance(world.run(move_to_ou, tenant, handles), Done)


def test_an_account_that_somebody_else_moved_there_meanwhile_is_done(world: World) -> None:
    handles = world.account(tenant := world.tenant())
    world.simulator.inject(operation="MoveAccount", code="DuplicateAccountException", status=400)

    assert isinstance(world.run(move_to_ou, tenant, handles), Done)


def test_an_unknown_target_ends_with_a_remedy(world: World) -> None:
    tenant = world.tenant(landing_zone={"target_organizational_unit": "ou-sbox-00unknown0"})
    handles = world.account(tenant)

    with pytest.raises(NotFound) as refused:
        world.run(move_to_ou, tenant, handles)

    assert "awsTargetOrgUnitId" in refused.value.remedy


def test_a_refusal_of_aws_comes_through(world: World) -> None:
    handles = world.account(tenant := world.tenant())
    world.simulator.deny("organizations:MoveAccount")

    with pytest.raises(AccessDenied):
        world.run(move_to_ou, tenant, handles)

    assert world.remembered[-1].organizational_unit == ROOT_ID, "people see where the account is"


def moved(world: World, handles: Handles, unit: str) -> Handles:
    return world.run(move_to_ou, world.tenant(landing_zone={"target_organizational_unit": unit}), handles).handles


def test_an_account_that_is_wanted_back_returns_although_aws_shows_it_there_still(world: World) -> None:
    handles = moved(world, world.account(world.tenant()), DEVELOPMENT_OU_ID)
    world.simulator.delay(kind="account", times=-1)

    there = moved(world, handles, PRODUCTION_OU_ID)
    back = moved(world, there, DEVELOPMENT_OU_ID)

    assert parent(world, handles) == DEVELOPMENT_OU_ID == back.organizational_unit


def test_what_aws_shows_late_is_not_moved_twice(world: World) -> None:
    handles = world.account(world.tenant())
    world.simulator.delay(kind="account", times=-1)
    there, mark = moved(world, handles, PRODUCTION_OU_ID), world.simulator.mark()

    again = moved(world, there, PRODUCTION_OU_ID)

    assert again == there
    assert world.simulator.writes_since(mark) == []


def test_an_account_that_somebody_moved_back_a_moment_ago_is_found(world: World) -> None:
    """AWS cannot be told from somebody who undoes what we did: the attempt to move it on tells."""
    handles = moved(world, world.account(world.tenant()), PRODUCTION_OU_ID)
    world.simulator.operator("move_account", account=handles.account_id, parent_id=ROOT_ID)

    with pytest.raises(TransientError, match="has been moved out of"):
        moved(world, handles, DEVELOPMENT_OU_ID)
    moved(world, world.remembered[-1], DEVELOPMENT_OU_ID)

    assert parent(world, handles) == DEVELOPMENT_OU_ID
