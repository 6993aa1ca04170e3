"""withdraw_access: what the newest order does not give any more goes first, and needs nothing else.

The groups hold for both ways to them: the Identity Store API and SCIM.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from config.landing_zone import LandingZone
from config.patterns import Pattern
from tasks.aws.session import Sessions
from tasks.errors import AccessDenied, NotReady, PermanentError, Refused
from tasks.model.desired import Tenant
from tasks.model.handles import Handles
from tasks.model.replication import Done
from tasks.permissions.groups import LOOK_AGAIN
from tasks.steps.revoke_access import revoke_access
from tasks.steps.sync_groups import sync_groups
from tasks.steps.withdraw_access import withdraw_access
from tests.tasks.steps.directory_world import ALICE, BOB, CAROL, DirectoryWorld, groups, name, person, tenant_of
from tests.tasks.steps.test_sync_groups import DEAD, ids_only, refuse
from workers.sandbox.client import SimulatorClient

NOTHING = "there is no access to remove"
ACCOUNT = Handles(account_id="123456789012", doubt=None)


@pytest.fixture(params=["identitystore", "scim"])
def world(request: pytest.FixtureRequest, simulator: SimulatorClient, sessions: Sessions) -> DirectoryWorld:
    return DirectoryWorld(simulator, sessions, workspace=f"w{uuid4().hex[:10]}", service=request.param)


def given(world: DirectoryWorld, *people: dict[str, Any]) -> Handles:
    return world.run(sync_groups, tenant_of(world, *people), ACCOUNT).handles


def unknown_zone(tenant: Tenant) -> Tenant:
    return replace(tenant, landing_zone=LandingZone(name="gone", display_name="gone"), landing_zone_known=False)


def test_who_may_have_all_costs_no_call(world: DirectoryWorld) -> None:
    handles = given(world, person(ALICE, "admin"), person(BOB, "reader"))
    more = tenant_of(world, person(ALICE, "admin"), person(BOB, "reader"), person(CAROL, "reader"))

    for tenant, known in ((more, handles), (more, Handles(doubt=None))):
        outcome, reads, writes = world.counted(withdraw_access, tenant, known)
        assert outcome == Done(known, NOTHING)
        assert (reads, writes) == (0, 0)


def test_one_who_cannot_be_taken_out_keeps_nobody_in(world: DirectoryWorld) -> None:
    handles = given(world, *(person(each, "admin") for each in (ALICE, BOB, CAROL)))
    together = {"identitystore": 0, "scim": 1}[world.service]
    if together:
        refuse(world, "remove")
    refuse(world, "remove", skip=together, times=1)

    with pytest.raises(Refused, match="ValidationException"):
        world.run(withdraw_access, tenant_of(world), handles)
    assert len(groups(world)[name(world, "admin")]) == 1

    world.ahead = timedelta(minutes=10)  # by then AWS shows who was put in, and that nobody else is there
    world.run(withdraw_access, tenant_of(world), world.remembered[-1])
    assert groups(world) == {name(world, "admin"): []}


def test_who_is_not_ordered_any_more_is_out_with_nothing_but_the_groups(world: DirectoryWorld) -> None:
    handles = given(world, person(ALICE, "admin", "reader"), person(BOB, "reader"))
    fewer = tenant_of(world, person(ALICE, "reader"))

    done = world.run(withdraw_access, fewer, replace(handles, account_id=None))
    again, reads, writes = world.counted(withdraw_access, fewer, done.handles)

    assert groups(world) == {name(world, "admin"): [], name(world, "reader"): [ALICE]}
    assert isinstance(again, Done)
    assert (reads, writes) == (0, 0)


def test_nobody_is_put_in(world: DirectoryWorld) -> None:
    handles = given(world, person(ALICE, "admin"))

    world.run(withdraw_access, tenant_of(world, person(BOB, "admin")), handles)

    assert groups(world) == {name(world, "admin"): []}


def test_a_crash_before_the_record_leaves_nothing_to_chance(world: DirectoryWorld) -> None:
    """What is remembered ahead of the first addition is enough to take everybody out again."""
    tenant = tenant_of(world, person(ALICE, "admin"))
    world.run(sync_groups, tenant, ACCOUNT)

    world.run(withdraw_access, tenant_of(world), world.remembered[-1])

    assert groups(world) == {name(world, "admin"): []}


def test_one_refusal_keeps_nobody_else_in(world: DirectoryWorld) -> None:
    handles = given(world, person(ALICE, "admin"), person(BOB, "reader"))
    operation = "PatchGroup" if world.service == "scim" else "DeleteGroupMembership"
    world.simulator.inject(operation=operation, kind="error", code="AccessDeniedException", times=1)

    with pytest.raises(AccessDenied):
        world.run(withdraw_access, tenant_of(world), handles)
    assert sorted(map(len, groups(world).values())) == [0, 1]

    world.run(withdraw_access, tenant_of(world), world.remembered[-1])
    assert groups(world) == {name(world, "admin"): [], name(world, "reader"): []}


def test_without_the_landing_zones_document_whoever_has_no_role_at_all_goes(world: DirectoryWorld) -> None:
    handles = given(world, person(ALICE, "admin"), person(BOB, "reader"))

    world.run(withdraw_access, unknown_zone(tenant_of(world, person(BOB, "whatever"))), handles)

    assert groups(world) == {name(world, "admin"): [], name(world, "reader"): [BOB]}


def test_a_list_that_is_younger_than_the_addition_proves_nobody_out(world: DirectoryWorld) -> None:
    handles = given(world, person(ALICE, "admin"))
    group = handles.groups[name(world, "admin")]
    directory = world.aws(tenant_of(world)).directory
    members = directory.members(group.id or "")
    directory.remove(group.id or "", members)  # as if AWS did not show yet that she was put in

    with pytest.raises(NotReady):
        world.run(withdraw_access, tenant_of(world), handles)

    world.ahead = world.aws(tenant_of(world)).visibility_grace
    assert isinstance(world.run(withdraw_access, tenant_of(world), handles), Done)


@pytest.mark.parametrize("remembered", [{}, {ALICE: DEAD}], ids=["no id", "an id of before"])
def test_who_got_in_under_an_id_that_nobody_wrote_down_goes_too(
    world: DirectoryWorld, remembered: dict[str, str]
) -> None:
    """A newer order came between the addition and its record: that Identity Center knows her now, or by a new id."""
    handles = replace(given(world, person(ALICE, "admin"), person(BOB, "admin")), users=remembered)

    done = world.run(withdraw_access, tenant_of(world, person(BOB, "admin")), ids_only(handles))

    assert groups(world) == {name(world, "admin"): [BOB]}
    assert done.handles.groups[name(world, "admin")].people == (BOB,)


def test_who_is_about_to_get_in_is_written_down_with_the_id(world: DirectoryWorld) -> None:
    """She has a role, and Identity Center knows her only since a moment ago."""
    newcomer = f"{world.workspace}@example.com"
    handles = given(world, person(newcomer, "admin"))
    world.simulator.operator("add_users", user_names=[newcomer])
    try:
        world.ahead = 2 * LOOK_AGAIN
        world.run(sync_groups, tenant_of(world, person(newcomer, "admin")), handles)

        world.run(withdraw_access, tenant_of(world), world.remembered[-1])

        assert newcomer in world.remembered[-1].users
        assert groups(world) == {name(world, "admin"): []}
    finally:
        world.simulator.operator("remove_users", user_names=[newcomer])


def test_who_is_ordered_again_a_moment_later_is_put_in_whatever_the_list_shows(world: DirectoryWorld) -> None:
    tenant = tenant_of(world, person(ALICE, "admin"), person(BOB, "admin"))
    handles = given(world, person(ALICE, "admin"), person(BOB, "admin"))
    group = handles.groups[name(world, "admin")]
    out = {**handles.groups, name(world, "admin"): replace(group, people=(ALICE,))}  # AWS lists him still
    before = world.simulator.mark()

    done = world.run(sync_groups, tenant, replace(handles, groups=out))

    added = "PatchGroup" if world.service == "scim" else "CreateGroupMembership"
    assert world.called(before).count(added) == 1
    assert world.counted(sync_groups, tenant, done.handles)[2] == 0


def test_a_deletion_believes_no_list_that_is_younger_than_an_addition(world: DirectoryWorld) -> None:
    tenant = tenant_of(world, person(ALICE, "admin"))
    handles = given(world, person(ALICE, "admin"))
    group = handles.groups[name(world, "admin")].id or ""
    directory = world.aws(tenant).directory
    directory.remove(group, directory.members(group))  # as if AWS did not show yet that she was put in

    with pytest.raises(NotReady):
        world.run(revoke_access, tenant, handles)

    directory.add(group, [handles.users[ALICE]])
    world.run(revoke_access, tenant, handles)
    assert groups(world) == {name(world, "admin"): []}


def test_a_deletion_takes_people_out_of_groups_that_would_have_no_name_today(world: DirectoryWorld) -> None:
    handles = given(world, person(ALICE, "admin"))
    pattern = Pattern.parse("#{tagStage}-#{platformGroupAlias}", extra=("platformGroupAlias",))

    with pytest.raises(PermanentError):
        world.run(revoke_access, tenant_of(world, person(ALICE, "admin"), group_name_pattern=pattern), handles)

    assert groups(world) == {name(world, "admin"): []}
