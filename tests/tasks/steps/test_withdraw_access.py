"""withdraw_access: what the newest order does not give any more goes first, and needs nothing else.

The groups hold for both ways to them: the Identity Store API and SCIM.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from config.landing_zone import LandingZone
from tasks.aws.session import Sessions
from tasks.errors import AccessDenied, NotReady
from tasks.model.desired import Tenant
from tasks.model.handles import Handles
from tasks.model.replication import Done
from tasks.steps.sync_groups import sync_groups
from tasks.steps.withdraw_access import withdraw_access
from tests.tasks.steps.directory_world import ALICE, BOB, CAROL, DirectoryWorld, groups, name, person, tenant_of
from workers.sandbox.client import SimulatorClient

NOTHING = "nobody has access that the order does not give"
ACCOUNT = Handles(account_id="123456789012")


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

    for tenant, known in ((more, handles), (more, Handles())):
        outcome, reads, writes = world.counted(withdraw_access, tenant, known)
        assert outcome == Done(known, NOTHING)
        assert (reads, writes) == (0, 0)


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
