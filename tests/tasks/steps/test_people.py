"""A userName may be given to another person: whose it is, is asked again with every changed order and every day.

Every case holds for both ways to the groups: the Identity Store API and SCIM.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from tasks.aws.session import Sessions
from tasks.errors import StepError
from tasks.model.desired import Tenant
from tasks.model.handles import Handles
from tasks.model.replication import Done
from tasks.steps.sync_groups import sync_groups
from tasks.steps.withdraw_access import withdraw_access
from tests.tasks.steps.directory_world import ACCOUNT, ALICE, DirectoryWorld, groups, name, person, tenant_of
from workers.sandbox.client import SimulatorClient

DAY = timedelta(days=1)


@pytest.fixture(params=["identitystore", "scim"])
def world(request: pytest.FixtureRequest, simulator: SimulatorClient, sessions: Sessions) -> DirectoryWorld:
    return DirectoryWorld(simulator, sessions, workspace=f"w{uuid4().hex[:10]}", service=request.param)


@pytest.fixture
def users(world: DirectoryWorld) -> Iterator[list[str]]:
    """Two people of this test alone, by userName; whoever has these names at the end is gone after it."""
    names = [f"{each}.{world.workspace}@example.com" for each in ("bob", "former")]
    world.simulator.operator("add_users", user_names=names[:1])
    yield names
    world.simulator.operator("remove_users", user_names=names)


def moved(world: DirectoryWorld, users: list[str]) -> None:
    """Give bob's userName to another person; he is called otherwise from now on."""
    world.simulator.operator("rename_user", user_name=users[0], to=users[1])
    world.simulator.operator("add_users", user_names=users[:1])


def given(world: DirectoryWorld, tenant: Tenant) -> Handles:
    return world.finish(sync_groups, tenant, ACCOUNT).handles


def asked(world: DirectoryWorld, tenant: Tenant, handles: Handles) -> int:
    """Replicate, and count the questions for a userName."""
    mark = world.simulator.mark()
    world.run(sync_groups, tenant, handles)
    calls = [call.operation for call in world.simulator.calls(mark)]
    groups_read = len([group for group in handles.groups.values() if group.id is not None])
    return calls.count("GetUserId") + (calls.count("ListUsers") - groups_read if world.service == "scim" else 0)


def test_the_next_day_the_name_is_another_persons(world: DirectoryWorld, users: list[str]) -> None:
    tenant = tenant_of(world, person(ALICE, "admin"), person(users[0], "admin"))
    handles = given(world, tenant)
    moved(world, users)
    assert groups(world)[name(world, "admin")] == sorted([ALICE, users[1]])

    world.ahead += DAY
    after = world.run(sync_groups, tenant, handles)

    assert groups(world)[name(world, "admin")] == sorted([ALICE, users[0]])
    assert world.counted(sync_groups, tenant, after.handles)[2] == 0


def test_a_changed_order_asks_at_once(world: DirectoryWorld, users: list[str]) -> None:
    handles = given(world, tenant_of(world, person(ALICE, "admin"), person(users[0], "admin")))
    moved(world, users)

    world.run(sync_groups, tenant_of(world, person(users[0], "admin")), handles)

    assert groups(world)[name(world, "admin")] == [users[0]]


def test_the_same_order_asks_again_the_next_day_only(world: DirectoryWorld, users: list[str]) -> None:
    tenant = tenant_of(world, person(ALICE, "admin"), person(users[0], "admin"))
    handles = given(world, tenant)

    assert asked(world, tenant, handles) == 0
    world.ahead += DAY
    assert asked(world, tenant, handles) == 2


def test_who_is_deleted_and_made_anew_is_let_in_again(world: DirectoryWorld, users: list[str]) -> None:
    tenant = tenant_of(world, person(users[0], "admin"))
    handles = given(world, tenant)
    world.simulator.operator("remove_users", user_names=users[:1])
    world.ahead += DAY
    handles = world.run(sync_groups, tenant, handles).handles
    assert groups(world)[name(world, "admin")] == []
    world.simulator.operator("add_users", user_names=users[:1])

    world.ahead += DAY
    world.run(sync_groups, tenant, handles)

    assert groups(world)[name(world, "admin")] == users[:1]


def test_a_membership_whose_person_is_gone_goes(world: DirectoryWorld, users: list[str]) -> None:
    tenant = tenant_of(world, person(ALICE, "admin"), person(users[0], "admin"))
    handles = given(world, tenant)
    world.simulator.operator("rename_user", user_name=users[0], to=users[1])

    world.ahead += DAY
    outcome = world.run(sync_groups, tenant, handles)

    assert groups(world)[name(world, "admin")] == [ALICE]
    assert f"not in the identity store: {users[0]}" in outcome.note


def test_who_had_the_name_is_out_when_the_look_was_cut_off_and_the_name_is_withdrawn(
    world: DirectoryWorld, users: list[str]
) -> None:
    handles = given(world, tenant_of(world, person(ALICE, "admin"), person(users[0], "admin")))
    moved(world, users)
    world.ahead += DAY
    removal = {"identitystore": "DeleteGroupMembership", "scim": "PatchGroup"}[world.service]
    world.simulator.inject(
        service=world.service, operation=removal
    )  # so that the new id is known, and the old one is in
    with pytest.raises(StepError):
        world.run(sync_groups, tenant_of(world, person(ALICE, "admin"), person(users[0], "admin")), handles)

    world.run(withdraw_access, tenant_of(world, person(ALICE, "admin")), world.remembered[-1])

    assert groups(world)[name(world, "admin")] == [ALICE]


def test_a_look_for_many_takes_nobody_out_on_the_way(world: DirectoryWorld) -> None:
    names = world.simulator.operator("add_users", number=100)["user_names"]
    try:
        tenant = tenant_of(world, *(person(each, "admin") for each in names))
        handles = given(world, tenant)
        world.ahead += DAY
        outcome: Any = world.run(sync_groups, tenant, handles)
        while not isinstance(outcome, Done):
            assert groups(world)[name(world, "admin")] == sorted(names)
            outcome = world.run(sync_groups, tenant, outcome.handles)

        assert groups(world)[name(world, "admin")] == sorted(names)
        assert asked(world, tenant, outcome.handles) <= 1  # pages of 100 users
    finally:
        world.simulator.operator("remove_users", user_names=names)


def test_many_who_are_ordered_again_at_once_are_all_put_in(world: DirectoryWorld) -> None:
    """AWS lists them still from before, when they were taken out a moment ago."""
    names = world.simulator.operator("add_users", number=60)["user_names"]
    try:
        tenant = tenant_of(world, *(person(each, "admin") for each in names))
        handles = given(world, tenant)
        world.ahead += DAY
        world.simulator.set_options(lag_seconds=2, seed=1)
        handles = world.finish(withdraw_access, tenant_of(world), handles).handles
        handles = world.finish(sync_groups, tenant, handles).handles
        world.simulator.show_everything()

        assert groups(world)[name(world, "admin")] == sorted(names)
        assert sorted(handles.groups[name(world, "admin")].people or ()) == sorted(names)
    finally:
        world.simulator.set_options(lag_seconds=0)
        world.simulator.operator("remove_users", user_names=names)
