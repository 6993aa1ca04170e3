"""AWS lists account assignments late: what was made a moment ago still goes, and what was deleted is given again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tasks.errors import NotReady
from tasks.model.handles import Handles, SettledAssignment, in_doubt
from tasks.permissions.assignment_plan import corrected
from tasks.steps.withdraw_access import withdraw_access
from tests.tasks.steps.test_assign_permission_sets import (
    ADMIN,
    ALICE,
    LATER,
    READER,
    USER,
    access,
    assignments,
    finish,
    groups,
    mapping,
    synced,
    tenant_of,
    unassigned,
)
from tests.tasks.steps.world import World

PEOPLE = {ALICE: ["admin"]}


@pytest.fixture(autouse=True)
def may_delete(world: World) -> None:
    """Deleting assignments takes an optional permission."""
    world.simulator.set_options(enforce_policies=False)


def hide_changes(world: World) -> None:
    """Let no list show what becomes of assignments from now on."""
    world.simulator.delay(kind="account_assignment", times=-1)


def made(world: World, *permission_sets: str) -> Handles:
    """One group with these permission sets, as seen by everybody."""
    tenant = tenant_of(world, PEOPLE, mapping("admin", *permission_sets))
    return finish(world, tenant, synced(world, tenant))


def changed(world: World, handles: Handles, *permission_sets: str) -> Handles:
    return finish(world, tenant_of(world, PEOPLE, mapping("admin", *permission_sets)), handles)


def test_what_was_given_a_moment_ago_is_replaced_although_no_list_shows_it(world: World) -> None:
    hide_changes(world)
    handles = made(world, ADMIN)

    handles = changed(world, handles, USER)

    assert assignments(world, handles) == {("admin", USER)}


def test_what_was_given_a_moment_ago_is_not_given_twice(world: World) -> None:
    hide_changes(world)
    handles, mark = made(world, ADMIN), world.simulator.mark()

    handles = changed(world, handles, ADMIN, USER)

    assert [call.operation for call in world.simulator.writes_since(mark)] == ["CreateAccountAssignment"]
    assert assignments(world, handles) == {("admin", ADMIN), ("admin", USER)}


def test_what_was_taken_a_moment_ago_is_given_again_although_the_list_shows_it_still(world: World) -> None:
    handles = made(world, ADMIN, USER)
    hide_changes(world)
    handles = changed(world, handles, ADMIN)

    handles = changed(world, handles, ADMIN, USER)

    assert assignments(world, handles) == {("admin", ADMIN), ("admin", USER)}


def test_what_was_taken_a_moment_ago_is_not_taken_twice(world: World) -> None:
    handles = made(world, ADMIN, USER)
    hide_changes(world)
    handles, mark = changed(world, handles, ADMIN), world.simulator.mark()

    handles = changed(world, handles, ADMIN, READER)

    assert [call.operation for call in world.simulator.writes_since(mark)] == ["CreateAccountAssignment"]
    assert assignments(world, handles) == {("admin", ADMIN), ("admin", READER)}


def test_what_was_taken_is_not_withdrawn_again_before_all_is_done(world: World) -> None:
    handles = made(world, ADMIN, USER)
    fewer = tenant_of(world, PEOPLE, mapping("admin", ADMIN))
    handles = world.run(withdraw_access, fewer, handles).handles
    done = finish(world, fewer, handles)
    mark = world.simulator.mark()

    world.run(withdraw_access, fewer, replace(done, groups=handles.groups))  # the step did not come to its end

    assert world.simulator.writes_since(mark) == []


def test_what_nobody_remembers_to_have_taken_is_found_to_be_gone(world: World) -> None:
    handles = made(world, ADMIN, USER)
    [group] = groups(world)
    world.ahead += LATER
    hide_changes(world)
    unassigned(world, tenant_of(world, PEOPLE), handles, group, USER)

    handles = changed(world, handles, ADMIN)

    assert assignments(world, handles) == {("admin", ADMIN)}


def test_what_was_given_in_doubt_goes_although_no_list_shows_it(world: World) -> None:
    hide_changes(world)
    handles = in_doubt(made(world, ADMIN))

    handles = changed(world, handles, USER)

    assert assignments(world, handles) == {("admin", USER)}


def test_aws_does_not_know_yet_what_it_made_a_moment_ago(world: World) -> None:
    """Its deletion fails as if it were not there: that proves nothing, and it is asked again."""
    handles = made(world, ADMIN)
    [group] = groups(world)
    unassigned(world, tenant_of(world, PEOPLE), handles, group, ADMIN)  # so AWS answers 404

    with pytest.raises(NotReady, match="EntitlementItem doesn't exist"):
        changed(world, handles, USER)

    world.ahead += LATER
    changed(world, world.remembered[-1], USER)


def test_what_ended_long_ago_is_looked_up(world: World) -> None:
    handles = made(world, ADMIN)
    [group] = groups(world)
    world.ahead += LATER
    unassigned(world, tenant_of(world, PEOPLE), handles, group, ADMIN)

    handles = changed(world, handles, ADMIN)

    assert access(world, tenant_of(world, PEOPLE), handles).groups(ADMIN) == {group}


def test_a_list_is_corrected_by_what_it_may_not_show_yet(world: World) -> None:
    now = world.now()
    settled = tuple(
        SettledAssignment("g", arn, stands=stands, at=now) for arn, stands in (("new", True), ("old", False))
    )
    unsure = SettledAssignment("g", "unsure", stands=None, at=now)

    assert corrected(frozenset({("g", "old"), ("g", "x")}), settled, frozenset()) == {("g", "new"), ("g", "x")}
    assert corrected(frozenset(), (unsure,), frozenset()) == {("g", "unsure")}
    assert corrected(frozenset(), (unsure,), frozenset({("g", "unsure")})) == frozenset()
    assert in_doubt(Handles(settled_assignments=(replace(unsure, stands=False),))).settled_assignments == ()
