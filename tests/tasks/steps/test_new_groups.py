"""A new account's groups are made without a look, and given their permission sets: Identity Center's calls are few."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from tasks.aws.session import Sessions
from tasks.errors import NotOurs, NotReady, Throttled, Unanswered
from tasks.model.desired import Tenant
from tasks.model.handles import Doubt, Handles, in_doubt
from tasks.model.replication import Wait
from tasks.steps.assign_permission_sets import assign_permission_sets
from tasks.steps.delete_groups import delete_groups
from tasks.steps.revoke_access import revoke_access
from tasks.steps.sync_groups import sync_groups
from tasks.steps.withdraw_access import withdraw_access
from tests.support.waiting import eventually
from tests.tasks.steps.directory_world import ALICE, BOB, CAROL, DAVE, DirectoryWorld, groups, name, person, tenant_of
from workers.sandbox import organization
from workers.sandbox.client import SimulatorClient

HOUR = timedelta(hours=1)
USER = organization.USER_PERMISSION_SET_ARN
LOOKS = {"identitystore": ("GetGroupId", "DescribeGroup"), "scim": ("ListGroups", "GetGroup")}


@pytest.fixture(params=["identitystore", "scim"])
def world(request: pytest.FixtureRequest, simulator: SimulatorClient, sessions: Sessions) -> Iterator[DirectoryWorld]:
    yield DirectoryWorld(simulator, sessions, workspace=f"w{uuid4().hex[:10]}", service=request.param)
    simulator.show_everything()


def looked(world: DirectoryWorld, mark: int) -> int:
    """How often a group or its assignments were looked up since."""
    looks = (*LOOKS[world.service], "ListAccountAssignments")
    return sum(call.operation in looks for call in world.simulator.calls(mark))


def known(world: DirectoryWorld, tenant: Tenant) -> Handles:
    """A new account whose groups stand, after a loss of Redis."""
    account = world.account(tenant)
    world.finish(sync_groups, tenant, account)
    return account


def test_a_new_account_gets_groups_and_permission_sets_without_a_look(world: DirectoryWorld) -> None:
    tenant = tenant_of(world, person(ALICE, "admin"), person(BOB, "reader"))
    account, mark = world.account(tenant), world.simulator.mark()

    handles = world.run(sync_groups, tenant, account).handles
    started = world.run(assign_permission_sets, tenant, handles)

    assert looked(world, mark) == 0
    assert groups(world) == {name(world, "admin"): [ALICE], name(world, "reader"): [BOB]}
    assert world.finish(assign_permission_sets, tenant, started.handles).note == "2 account assignments"


def test_groups_of_an_account_that_is_new_no_more_are_looked_for(world: DirectoryWorld) -> None:
    tenant = tenant_of(world, person(ALICE, "admin"))
    account, mark = world.account(tenant), world.simulator.mark()
    world.ahead += HOUR

    world.run(sync_groups, tenant, account)

    assert looked(world, mark) == 2  # also for the one that nobody needs


@pytest.mark.parametrize("what", ["made long ago", "found", "given something before"])
def test_a_group_that_is_new_no_more_is_read_before_it_is_given_anything(world: DirectoryWorld, what: str) -> None:
    tenant = tenant_of(world, person(ALICE, "admin"))
    handles = world.run(sync_groups, tenant, world.account(tenant)).handles
    group = handles.groups[name(world, "admin")]
    if what == "made long ago":
        world.ahead += HOUR
    elif what == "found":
        handles = replace(handles, groups={name(world, "admin"): replace(group, made_at=None)})
    else:
        handles = replace(handles, groups={name(world, "admin"): replace(group, permission_sets=(USER,))})
    world.simulator.operator("change_group", group=group.id, attributes={"DisplayName": f"{world.workspace} renamed"})

    with pytest.raises(NotOurs):
        world.finish(assign_permission_sets, tenant, handles)


def test_a_group_that_is_there_already_loses_people_before_anybody_is_put_in(world: DirectoryWorld) -> None:
    before = known(world, tenant_of(world, person(ALICE, "admin"), person(DAVE, "admin")))
    tenant = tenant_of(world, person(ALICE, "admin"), person(CAROL, "admin"), person(BOB, "reader"))

    found = world.run(sync_groups, tenant, before)

    assert isinstance(found, Wait)
    assert found.note == f"found {name(world, 'admin')}; continuing"
    assert groups(world) == {name(world, "admin"): [ALICE, DAVE], name(world, "reader"): []}
    outcome = world.run(sync_groups, tenant, found.handles)
    assert groups(world) == {name(world, "admin"): [ALICE, CAROL], name(world, "reader"): [BOB]}
    assert outcome.note == "3 people in 2 groups"
    admin = outcome.handles.groups[name(world, "admin")]
    assert (admin.permission_sets, admin.made_at) == (None, None)  # what it has, AWS must tell


def test_a_group_of_that_name_that_is_not_ours_gets_nobody(world: DirectoryWorld) -> None:
    tenant = tenant_of(world, person(ALICE, "admin"), person(BOB, "reader"))
    account = world.account(tenant)
    world.simulator.operator("add_group", name=name(world, "admin"), user_names=[DAVE])

    with pytest.raises(NotOurs):
        world.run(sync_groups, tenant, account)

    assert groups(world) == {name(world, "admin"): [DAVE], name(world, "reader"): [BOB]}
    assert set(world.remembered[-1].groups) == {name(world, "admin"), name(world, "reader")}


def test_a_group_that_turns_up_beside_one_that_is_not_ours_gets_nobody_yet(world: DirectoryWorld) -> None:
    before = known(world, tenant_of(world, person(ALICE, "admin"), person(DAVE, "admin")))
    world.simulator.operator("add_group", name=name(world, "reader"), user_names=[])

    with pytest.raises(NotOurs):
        world.run(sync_groups, tenant_of(world, person(CAROL, "admin"), person(BOB, "reader")), before)

    assert groups(world)[name(world, "admin")] == [ALICE, DAVE]
    assert world.remembered[-1].groups[name(world, "admin")].id is not None


@pytest.mark.parametrize("kind", ["lost_response", "reset"])
def test_a_group_whose_creation_has_no_answer_is_found(world: DirectoryWorld, kind: str) -> None:
    tenant = tenant_of(world, person(ALICE, "admin"), person(BOB, "reader"))
    account = world.account(tenant)
    world.simulator.inject(service=world.service, operation="CreateGroup", kind=kind)

    with pytest.raises(Unanswered):
        world.run(sync_groups, tenant, account)
    outcome = world.finish(sync_groups, tenant, world.remembered[-1])

    assert groups(world) == {name(world, "admin"): [ALICE], name(world, "reader"): [BOB]}
    assert outcome.note == "2 people in 2 groups"


def group_id(world: DirectoryWorld, role: str) -> str:
    found = world.simulator.state()["identity_store"]["groups"]
    return next(str(group["id"]) for group in found if group["name"] == name(world, role))


def test_nobody_is_put_in_while_a_group_that_is_there_is_not_shown(world: DirectoryWorld) -> None:
    before = known(world, tenant_of(world, person(ALICE, "admin"), person(DAVE, "admin")))
    tenant = tenant_of(world, person(ALICE, "admin"), person(BOB, "reader"))
    world.simulator.hide("group", group_id(world, "admin"))

    with pytest.raises(Throttled, match="does not show it everywhere"):
        world.run(sync_groups, tenant, before)

    assert groups(world) == {name(world, "admin"): [ALICE, DAVE], name(world, "reader"): []}
    world.simulator.show_everything()
    world.finish(sync_groups, tenant, world.remembered[-1])
    assert groups(world) == {name(world, "admin"): [ALICE], name(world, "reader"): [BOB]}


def test_a_group_that_is_gone_for_some_of_aws_is_asked_for_ever_more_slowly(world: DirectoryWorld) -> None:
    """As one whose creation had no answer: so nobody has noted that it is young."""
    tenant = tenant_of(world, person(ALICE, "admin"), person(DAVE, "admin"))
    before = world.account(tenant)
    for operation in ("ListGroupMemberships", "ListUsers", "GetGroup"):
        world.simulator.make_stale(operation, world.service)
    world.finish(sync_groups, tenant, before)
    found = world.run(sync_groups, tenant, before)
    assert isinstance(found, Wait)

    for _ in range(2):  # each of these is tried again later than the one before
        with pytest.raises(Throttled, match="does not show it everywhere"):
            world.run(sync_groups, tenant, found.handles)
        assert world.remembered[-1].groups == found.handles.groups


@pytest.mark.parametrize("doubt", [None, Doubt()])
def test_who_is_in_a_group_that_turns_up_is_believed_without_doubt_alone(
    world: DirectoryWorld, doubt: Doubt | None
) -> None:
    before = known(world, tenant_of(world, person(ALICE, "admin"), person(DAVE, "admin")))
    tenant = tenant_of(world, person(ALICE, "admin"))
    world.simulator.hide("group", group_id(world, "admin"))
    world.remembered.clear()
    with pytest.raises(Throttled):
        world.run(sync_groups, tenant, replace(before, doubt=doubt))
    world.simulator.show_everything()
    ahead = world.remembered[0]  # all that is left of an execution that was killed
    assert ahead.groups[name(world, "admin")].people == (ALICE,)

    group = world.run(sync_groups, tenant, ahead).handles.groups[name(world, "admin")]

    assert group.people == (None if doubt else (ALICE,))


def test_a_group_that_nobody_is_in_and_aws_shows_late_gets_its_permission_sets(world: DirectoryWorld) -> None:
    """Identity Center takes the assignment of a group that it does not see yet, and fails it later."""
    tenant = tenant_of(world, person("nobody@example.com", "admin"))
    account = replace(world.account(tenant), account_created_at=world.now() - timedelta(minutes=10))
    world.young.grace = timedelta(minutes=1)
    world.simulator.delay(kind="group")
    handles = world.run(sync_groups, tenant, account).handles
    waiting = world.run(assign_permission_sets, tenant, handles)

    def failed() -> bool:
        try:
            return not isinstance(world.run(assign_permission_sets, tenant, waiting.handles), Wait)
        except NotReady as error:
            return error.code == "AccountAssignmentFailed"

    assert eventually(failed)
    world.simulator.show_everything()
    assert world.finish(assign_permission_sets, tenant, world.remembered[-1]).note == "1 account assignment"


def test_in_doubt_no_group_is_new(world: DirectoryWorld) -> None:
    tenant = tenant_of(world, person(ALICE, "admin"))
    handles = in_doubt(world.run(sync_groups, tenant, world.account(tenant)).handles)
    handles = world.run(withdraw_access, tenant, handles).handles
    assert handles.groups[name(world, "admin")].permission_sets == ()
    mark = world.simulator.mark()

    world.run(assign_permission_sets, tenant, handles)

    assert looked(world, mark) == 2  # what it has, and whose it is


@pytest.mark.parametrize("deleted", [False, True])
def test_a_group_that_was_made_for_an_order_which_is_old_by_now_is_deleted(
    world: DirectoryWorld, deleted: bool
) -> None:
    tenant = tenant_of(world, person(ALICE, "admin"))
    account = world.account(tenant)
    world.simulator.inject(service=world.service, operation="CreateGroup", kind="lost_response")
    with pytest.raises(Unanswered):
        world.run(sync_groups, tenant, account)
    handles, world.ahead = world.remembered[-1], world.aws(tenant).visibility_grace
    newer = tenant_of(world, person(BOB, "reader"))

    for step in (revoke_access, delete_groups) if deleted else (withdraw_access, sync_groups, assign_permission_sets):
        handles = world.finish(step, newer, handles).handles

    assert groups(world) == ({} if deleted else {name(world, "reader"): [BOB]})


def test_whose_a_group_is_is_said_again_at_once_when_somebody_tries_again(world: DirectoryWorld) -> None:
    tenant = tenant_of(world, person(ALICE, "admin"))
    account = world.account(tenant)
    world.simulator.operator("add_group", name=name(world, "admin"), user_names=[])

    for _ in range(3):
        with pytest.raises(NotOurs):
            world.run(sync_groups, tenant, account)
        account = world.remembered[-1]


def test_a_new_group_that_somebody_deletes_keeps_no_place_from_others(world: DirectoryWorld) -> None:
    tenant = tenant_of(world, person(ALICE, "admin"))
    world.young.grace = timedelta(minutes=1)
    handles = world.run(sync_groups, tenant, world.account(tenant)).handles
    store = world.sessions.management(world.tenant().platform, "identitystore")
    store.delete_group(IdentityStoreId=organization.IDENTITY_STORE_ID, GroupId=group_id(world, "admin"))

    with pytest.raises(NotReady):
        world.run(assign_permission_sets, tenant, handles)

    assert not any(world.places.taken.values())
    assert world.remembered[-1].pending_assignments == ()
