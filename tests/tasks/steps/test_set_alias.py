"""set_alias: one alias for each account, never somebody else's."""

from __future__ import annotations

from typing import Any

import pytest

from config.patterns import Pattern
from tasks.errors import AccessDenied, Conflict, NotReady, PermanentError, Throttled, Unanswered
from tasks.model.handles import Handles
from tasks.model.replication import Done
from tasks.steps.set_alias import needs_alias, set_alias
from tests.tasks.steps.world import World

ENFORCED = {"enforce_account_alias": True}


def alias_of(world: World, handles: Handles) -> Any:
    return world.simulator.state()["accounts"][handles.account_id]["alias"]


def test_a_new_account_gets_its_alias_and_keeps_it(world: World) -> None:
    handles = world.account(tenant := world.tenant())

    first = world.run(set_alias, tenant, handles)
    second, reads, writes = world.counted(set_alias, tenant, first.handles)

    assert alias_of(world, handles) == f"{world.workspace}-shop" == first.handles.alias
    assert second == Done(first.handles, f"alias {world.workspace}-shop is set")
    assert (reads, writes) == (1, 0)


@pytest.mark.parametrize("enforce", [True, False])
def test_an_alias_that_people_chose_stays_unless_ours_is_enforced(world: World, enforce: bool) -> None:
    tenant = world.tenant(platform={"enforce_account_alias": enforce})
    handles = world.account(tenant)
    world.simulator.operator("take_alias", alias=f"{world.workspace}-chosen", account=handles.account_id)

    outcome = world.run(set_alias, tenant, handles)

    expected = f"{world.workspace}-{'shop' if enforce else 'chosen'}"
    assert alias_of(world, handles) == expected == outcome.handles.alias


def test_a_crash_after_the_write_leaves_nothing_to_do(world: World) -> None:
    handles = world.account(tenant := world.tenant(platform=ENFORCED))
    world.simulator.inject(operation="CreateAccountAlias", kind="lost_response")

    with pytest.raises(Unanswered):
        world.run(set_alias, tenant, handles)
    _, _, writes = world.counted(set_alias, tenant, handles)

    assert alias_of(world, handles) == f"{world.workspace}-shop"
    assert writes == 0


def test_an_alias_that_is_ours_after_all_is_done(world: World) -> None:
    handles = world.account(tenant := world.tenant())
    code = "EntityAlreadyExists"
    world.simulator.inject(operation="CreateAccountAlias", code=code, status=409, before=False)

    assert isinstance(world.run(set_alias, tenant, handles), Done)


@pytest.mark.parametrize("before", ["set", "lost"])
def test_our_own_alias_that_aws_does_not_show_yet_is_nobody_elses(world: World, before: str) -> None:
    handles = world.account(tenant := world.tenant())
    world.simulator.delay(kind="account_alias")
    if before == "lost":
        world.simulator.inject(operation="CreateAccountAlias", kind="lost_response")
        with pytest.raises(Unanswered):
            world.run(set_alias, tenant, handles)
    else:
        world.run(set_alias, tenant, handles)

    with pytest.raises(NotReady):
        world.run(set_alias, tenant, world.remembered[-1])
    world.simulator.show_everything()

    assert world.run(set_alias, tenant, world.remembered[-1]).handles.alias == f"{world.workspace}-shop"


def test_an_alias_that_somebody_else_has_is_told_every_time(world: World) -> None:
    handles = world.account(tenant := world.tenant())
    world.simulator.operator("take_alias", alias=f"{world.workspace}-shop")

    for _ in range(2):
        with pytest.raises(Conflict):
            world.run(set_alias, tenant, handles)
        handles = world.remembered[-1]


def test_a_taken_alias_is_named(world: World) -> None:
    handles = world.account(tenant := world.tenant())
    world.simulator.operator("take_alias", alias=f"{world.workspace}-shop")

    with pytest.raises(Conflict) as refused:
        world.run(set_alias, tenant, handles)

    assert f"alias {world.workspace}-shop" in refused.value.message
    assert "accountAliasPattern" in refused.value.remedy


def test_a_refusal_of_aws_comes_through(world: World) -> None:
    handles = world.account(tenant := world.tenant())
    world.simulator.deny("iam:CreateAccountAlias")

    with pytest.raises(AccessDenied):
        world.run(set_alias, tenant, handles)


def test_a_pattern_that_gives_no_alias_fails_for_good(world: World) -> None:
    handles = world.account(world.tenant())
    tenant = world.tenant(platform={"account_alias_pattern": Pattern.parse("#{tagTeam}")})

    with pytest.raises(PermanentError, match="accountAliasPattern"):
        world.run(set_alias, tenant, handles)


@pytest.mark.parametrize(
    ("actual", "enforce", "expected"),
    [(None, False, True), (None, True, True), ("a", True, False), ("b", True, True), ("b", False, False)],
)
def test_when_an_alias_is_written(actual: str | None, enforce: bool, expected: bool) -> None:
    assert needs_alias("a", actual, enforce=enforce) is expected


@pytest.mark.parametrize("operation", ["ListAccountAliases", "CreateAccountAlias"])
def test_credentials_that_aws_calls_expired_are_made_anew(world: World, operation: str) -> None:
    """The clock of the worker stood still, or somebody revoked the session: signing in again helps."""
    handles = world.account(tenant := world.tenant(platform=ENFORCED))
    world.simulator.inject(operation=operation, code="ExpiredToken", status=403)

    with pytest.raises(Throttled, match="ExpiredToken"):
        world.run(set_alias, tenant, handles)
    mark = world.simulator.mark()
    world.run(set_alias, tenant, handles)

    assert alias_of(world, handles) == f"{world.workspace}-shop"
    assert [call.operation for call in world.simulator.calls(mark)][:2] == ["AssumeRole", "AssumeRole"]
