"""sync_groups: each AWS role's group has exactly the role's people; access is taken away before it is given.

Every case holds for both ways to the groups: the Identity Store API and SCIM.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from config.platform import PlatformRoleMapping
from tasks.aws.directory import Directory
from tasks.aws.session import Sessions
from tasks.errors import AccessDenied, PermanentError, Refused, SignInRefused, Throttled, Unanswered
from tasks.model.desired import Desired, Tenant
from tasks.model.handles import Absence, Group, Handles
from tasks.model.replication import Done, Wait
from tasks.permissions.groups import LOOK_AGAIN, absence_after, not_looked_for
from tasks.permissions.portions import PORTION
from tasks.steps.sync_groups import Change, difference, sync_groups
from tests.tasks.steps.directory_world import (
    ACCOUNT,
    ALICE,
    BOB,
    CAROL,
    DAVE,
    DirectoryWorld,
    groups,
    name,
    pattern,
    person,
    tenant_of,
)
from tests.tasks.steps.world import SCIM
from workers.sandbox import organization
from workers.sandbox.client import SimulatorClient

DEAD = "1234567890-00000000-0000-4000-8000-00000000dead"


@pytest.fixture(params=["identitystore", "scim"])
def world(request: pytest.FixtureRequest, simulator: SimulatorClient, sessions: Sessions) -> DirectoryWorld:
    return DirectoryWorld(simulator, sessions, workspace=f"w{uuid4().hex[:10]}", service=request.param)


@pytest.fixture
def many_users(simulator: SimulatorClient) -> Iterator[list[str]]:
    """The userNames of more people than one call of any kind takes; gone after the test."""
    names = simulator.operator("add_users", number=110)["user_names"]
    yield names
    simulator.operator("remove_users", user_names=names)


def ids_only(handles: Handles) -> Handles:
    """The handles without when something was made, put in or asked for, which a loss of Redis takes with it."""
    timeless = {
        key: replace(each, put_in_at=None, marked_at=None, made_at=None) for key, each in handles.groups.items()
    }
    return replace(handles, groups=timeless, people_look=None)


def write(world: DirectoryWorld, which: str) -> dict[str, Any]:
    """Name the next call that creates a group, adds to one or removes from one; of a SCIM one removal comes first."""
    if which == "create":
        return {"operation": "CreateGroup"}
    if world.service == "scim":
        return {"operation": "PatchGroup", "skip": 0 if which == "remove" else 1}
    return {"operation": "DeleteGroupMembership" if which == "remove" else "CreateGroupMembership"}


def directory(world: DirectoryWorld, tenant: Tenant) -> Directory:
    return world.aws(tenant).directory


def test_without_identity_center_nothing_is_asked(world: DirectoryWorld) -> None:
    outcome, reads, writes = world.counted(sync_groups, world.tenant(platform={"identity_store": None}), ACCOUNT)

    assert outcome == Done(ACCOUNT, "the platform has no Identity Center")
    assert (reads, writes) == (0, 0)


def test_roles_with_people_become_groups(world: DirectoryWorld) -> None:
    tenant = tenant_of(world, person(ALICE, "admin", "reader"), person(BOB, "reader"))

    outcome = world.run(sync_groups, tenant, ACCOUNT)

    assert groups(world) == {name(world, "admin"): [ALICE], name(world, "reader"): [ALICE, BOB]}
    assert outcome.note == "2 people in 2 groups"
    assert outcome.handles.users == {user: organization.USERS[user] for user in (ALICE, BOB)}
    assert {group.permission_sets for group in outcome.handles.groups.values()} == {()}


def test_an_unchanged_tenant_costs_one_read_for_each_group(world: DirectoryWorld) -> None:
    tenant = tenant_of(world, person(ALICE, "admin"), person(BOB, "reader"))
    handles = world.run(sync_groups, tenant, ACCOUNT).handles

    outcome, reads, writes = world.counted(sync_groups, tenant, handles)

    assert outcome == Done(handles, "2 people in 2 groups")
    assert (reads, writes) == (2, 0)


def test_a_role_that_nobody_has_is_looked_for_once(world: DirectoryWorld) -> None:
    tenant = tenant_of(world, person(ALICE, "admin"))
    outcome, _, writes = world.counted(sync_groups, tenant, ACCOUNT)
    handles = outcome.handles

    again, reads, rewrites = world.counted(sync_groups, tenant, handles)

    assert handles.groups[name(world, "reader")] == Group("reader", None, people=(), project_roles=("reader",))
    assert again.handles == handles
    assert (writes, reads, rewrites) == (2, 1, 0)  # creating and filling one group; listing its members


def test_a_changed_list_of_people_costs_membership_writes_only(world: DirectoryWorld) -> None:
    handles = world.run(sync_groups, tenant_of(world, person(ALICE, "admin"), person(BOB, "admin")), ACCOUNT).handles
    mark = world.simulator.mark()

    handles = world.run(sync_groups, tenant_of(world, person(ALICE, "admin"), person(CAROL, "admin")), handles).handles

    assert groups(world) == {name(world, "admin"): [ALICE, CAROL]}
    writes = [call.operation for call in world.simulator.writes_since(mark)]
    assert (
        writes
        == {
            "identitystore": ["DeleteGroupMembership", "CreateGroupMembership"],
            "scim": ["PatchGroup", "PatchGroup"],
        }[world.service]
    )
    assert set(handles.users) == {ALICE, CAROL}


def test_several_project_roles_are_united_in_one_aws_role(world: DirectoryWorld) -> None:
    both = tuple(PlatformRoleMapping(project_role=role, aws_role="builder") for role in ("admin", "developer"))
    tenant = tenant_of(world, person(ALICE, "admin"), person(BOB, "developer", "admin"), role_mappings=both)

    world.run(sync_groups, tenant, ACCOUNT)

    assert groups(world) == {name(world, "builder"): [ALICE, BOB]}


def test_people_without_access_are_a_remark(world: DirectoryWorld) -> None:
    people = [person(ALICE, "admin"), person("nobody@example.com", "admin"), person(None, "reader", name="zoe")]

    outcome = world.run(sync_groups, tenant_of(world, *people), ACCOUNT)

    assert outcome.note == ("1 person in 1 group; not in the identity store: nobody@example.com; without euid: zoe")
    assert groups(world) == {name(world, "admin"): [ALICE]}


def test_a_role_that_no_mapping_knows_is_a_remark(world: DirectoryWorld) -> None:
    outcome = world.run(sync_groups, tenant_of(world, person(ALICE, "amdin")), ACCOUNT)

    assert outcome.note == "0 people in 0 groups; roles without a mapping: amdin"


def test_what_somebody_changed_by_hand_is_mended(world: DirectoryWorld) -> None:
    tenant = tenant_of(world, person(ALICE, "admin"), person(BOB, "admin"))
    handles = world.run(sync_groups, tenant, ACCOUNT).handles
    group = handles.groups[name(world, "admin")].id or ""
    store = directory(world, tenant)
    alice = organization.USERS[ALICE]
    store.remove(group, {alice: store.members(group)[alice]})
    store.add(group, [organization.USERS[DAVE]])

    world.run(sync_groups, tenant, handles)

    assert groups(world) == {name(world, "admin"): [ALICE, BOB]}


def test_a_group_deleted_by_hand_is_created_again(world: DirectoryWorld) -> None:
    tenant = tenant_of(world, person(ALICE, "admin"))
    handles = world.run(sync_groups, tenant, ACCOUNT).handles
    directory(world, tenant).delete_group(handles.groups[name(world, "admin")].id or "")

    after = world.run(sync_groups, tenant, handles).handles

    assert groups(world) == {name(world, "admin"): [ALICE]}
    assert after.groups[name(world, "admin")].permission_sets == ()


def test_a_user_id_that_aws_knows_no_more_is_looked_up_again(world: DirectoryWorld) -> None:
    tenant = tenant_of(world, person(ALICE, "admin"))
    stale = replace(ACCOUNT, users={ALICE: DEAD})

    outcome = world.run(sync_groups, tenant, stale)

    assert groups(world) == {name(world, "admin"): [ALICE]}
    assert outcome.handles.users == {ALICE: organization.USERS[ALICE]}


def test_a_user_who_is_gone_from_the_identity_store_is_a_remark(world: DirectoryWorld) -> None:
    gone = "gone@example.com"
    stale = replace(ACCOUNT, users={gone: DEAD})

    outcome = world.run(sync_groups, tenant_of(world, person(gone, "admin")), stale)

    assert "not in the identity store: gone@example.com" in outcome.note
    assert outcome.handles.users == {}


def test_after_a_loss_of_redis_everything_is_found_again(world: DirectoryWorld) -> None:
    tenant = tenant_of(world, person(ALICE, "admin"), person(BOB, "reader"))
    handles = world.run(sync_groups, tenant, ACCOUNT).handles

    outcome, _, writes = world.counted(sync_groups, tenant, ACCOUNT)

    unknown = {key: replace(group, permission_sets=None) for key, group in handles.groups.items()}
    assert ids_only(outcome.handles) == ids_only(replace(handles, groups=unknown))
    assert writes == 0


def test_a_group_that_could_not_be_looked_up_does_not_count_as_absent(world: DirectoryWorld) -> None:
    people = [person(ALICE, "admin"), person(BOB, "reader")]
    world.run(sync_groups, tenant_of(world, *people), ACCOUNT)
    operation = {"identitystore": "GetGroupId", "scim": "ListGroups"}[world.service]
    world.simulator.inject(service=world.service, operation=operation, times=-1)

    with pytest.raises(Unanswered):
        world.run(sync_groups, tenant_of(world, *people[:1]), ACCOUNT)  # Redis was lost, and with it the handles
    world.simulator.clear_faults()
    world.run(sync_groups, tenant_of(world, *people[:1]), world.remembered[-1])

    assert groups(world)[name(world, "reader")] == []


@pytest.mark.parametrize("which", ["create", "add", "remove"])
def test_a_lost_answer_changes_nothing_in_the_end(world: DirectoryWorld, which: str) -> None:
    handles = world.run(sync_groups, tenant_of(world, person(ALICE, "admin")), ACCOUNT).handles
    tenant = tenant_of(world, person(BOB, "admin"), person(CAROL, "reader"))
    world.simulator.inject(service=world.service, kind="lost_response", **write(world, which))

    with pytest.raises(Unanswered):
        world.run(sync_groups, tenant, handles)
    world.run(sync_groups, tenant, handles)

    assert groups(world) == {name(world, "admin"): [BOB], name(world, "reader"): [CAROL]}


def test_people_are_out_even_when_somebody_cannot_be_added(world: DirectoryWorld) -> None:
    people = [person(ALICE, "admin"), person(BOB, "admin"), person(BOB, "reader")]
    handles = world.run(sync_groups, tenant_of(world, *people), ACCOUNT).handles
    skip = {"identitystore": 0, "scim": 2}[world.service]  # SCIM: two groups lose somebody by the same operation
    refused = {"code": "AccessDeniedException", "status": 400, "skip": skip, "times": -1}
    world.simulator.inject(service=world.service, operation=write(world, "add")["operation"], **refused)

    with pytest.raises(AccessDenied):
        world.run(sync_groups, tenant_of(world, person(ALICE, "admin"), person(CAROL, "admin", "reader")), handles)

    assert groups(world) == {name(world, "admin"): [ALICE], name(world, "reader"): []}


def refuse(world: DirectoryWorld, which: str, **more: Any) -> None:
    """Let AWS refuse changes of a group's members as it does an id that it cannot read."""
    refused = {"code": "ValidationException", "status": 400, **more}
    world.simulator.inject(service=world.service, operation=write(world, which)["operation"], **refused)


@pytest.mark.parametrize("which", ["add", "remove"])
def test_who_is_refused_together_is_changed_one_by_one(world: DirectoryWorld, which: str) -> None:
    if world.service != "scim":
        pytest.skip("the Identity Store takes one person by one call anyway")
    both = tenant_of(world, person(ALICE, "admin"), person(BOB, "admin"), person(CAROL, "admin"))
    handles = world.run(sync_groups, both, ACCOUNT).handles if which == "remove" else ACCOUNT
    refuse(world, which)

    world.run(sync_groups, both if which == "add" else tenant_of(world, person(ALICE, "admin")), handles)

    assert groups(world) == {name(world, "admin"): [ALICE, BOB, CAROL] if which == "add" else [ALICE]}


def test_one_whom_aws_does_not_take_keeps_nobody_out(world: DirectoryWorld) -> None:
    """Of three new people one is refused, also alone; the others are in, and the reason is told."""
    people = [person(each, "admin") for each in (ALICE, BOB, CAROL)]
    together = {"identitystore": 0, "scim": 1}[world.service]
    if together:
        refuse(world, "add")
    refuse(world, "add", skip=together, times=1)

    with pytest.raises(Refused, match="ValidationException"):
        world.run(sync_groups, tenant_of(world, *people), ACCOUNT)

    assert len(groups(world)[name(world, "admin")]) == 2


def test_one_who_cannot_be_taken_out_keeps_nobody_in(world: DirectoryWorld) -> None:
    people = [person(each, "admin") for each in (ALICE, BOB, CAROL)]
    handles = world.run(sync_groups, tenant_of(world, *people), ACCOUNT).handles
    together = {"identitystore": 0, "scim": 1}[world.service]
    if together:
        refuse(world, "remove")
    refuse(world, "remove", skip=together, times=1)

    with pytest.raises(Refused, match="ValidationException"):
        world.run(sync_groups, tenant_of(world), handles)

    assert len(groups(world)[name(world, "admin")]) == 1


def test_people_are_out_even_when_somebody_cannot_be_looked_up(world: DirectoryWorld) -> None:
    handles = world.run(sync_groups, tenant_of(world, person(ALICE, "admin"), person(BOB, "admin")), ACCOUNT).handles
    looking_up = {"identitystore": "GetUserId", "scim": "ListUsers"}[world.service]
    refused = {"code": "AccessDeniedException", "status": 400}
    world.simulator.inject(service=world.service, operation=looking_up, **refused)

    with pytest.raises(AccessDenied):
        world.run(sync_groups, tenant_of(world, person(ALICE, "admin"), person(CAROL, "admin")), handles)

    assert groups(world) == {name(world, "admin"): [ALICE]}
    assert BOB in world.remembered[-1].users


def test_one_group_that_cannot_be_read_keeps_nobody_in_another(world: DirectoryWorld) -> None:
    people = [person(ALICE, "admin", "reader"), person(BOB, "admin", "reader")]
    handles = world.run(sync_groups, tenant_of(world, *people), ACCOUNT).handles
    listing = {"identitystore": "ListGroupMemberships", "scim": "ListUsers"}[world.service]
    first = {"identitystore": 0, "scim": 1}[
        world.service
    ]  # the first group's; SCIM asks for alice by the same operation
    world.simulator.inject(service=world.service, operation=listing, skip=first)

    with pytest.raises(Unanswered):
        world.run(sync_groups, tenant_of(world, person(ALICE, "admin", "reader")), handles)

    assert groups(world) == {name(world, "admin"): [ALICE, BOB], name(world, "reader"): [ALICE]}


def test_a_role_that_nobody_has_any_more_is_emptied_and_stands(world: DirectoryWorld) -> None:
    handles = world.run(sync_groups, tenant_of(world, person(ALICE, "admin", "reader")), ACCOUNT).handles

    after = world.run(sync_groups, tenant_of(world, person(ALICE, "admin")), handles).handles

    assert groups(world) == {name(world, "admin"): [ALICE], name(world, "reader"): []}
    assert {group.id for group in after.groups.values()} == {group.id for group in handles.groups.values()}
    assert after.groups[name(world, "reader")].people == ()


def test_a_changed_pattern_keeps_the_old_group_but_not_those_who_lost_the_role(world: DirectoryWorld) -> None:
    handles = world.run(sync_groups, tenant_of(world, person(ALICE, "admin"), person(BOB, "admin")), ACCOUNT).handles
    changed = tenant_of(
        world, person(ALICE, "admin"), group_name_pattern=pattern("new-#{workspaceIdentifier}-#{platformGroupAlias}")
    )

    after = world.run(sync_groups, changed, handles).handles

    new = f"mst-new-{world.workspace}-admin"
    assert groups(world) == {name(world, "admin"): [ALICE], new: [ALICE]}
    assert {name(world, "admin"), new} <= set(after.groups)


def test_two_aws_roles_must_not_share_a_group(world: DirectoryWorld) -> None:
    tenant = tenant_of(world, person(ALICE, "admin"), group_name_pattern=pattern("#{workspaceIdentifier}"))

    with pytest.raises(PermanentError, match="would share the group"):
        world.run(sync_groups, tenant, ACCOUNT)

    assert groups(world) == {}


def test_each_portion_is_put_in_at_its_own_time(world: DirectoryWorld, many_users: list[str]) -> None:
    """Whoever takes them out again a moment later must not believe a list that does not show them yet."""
    if world.service == "scim":
        return  # one call puts them all in
    everybody = tenant_of(world, *(person(each, "admin") for each in many_users))
    outcome = world.run(sync_groups, everybody, ACCOUNT)
    while "to add" not in outcome.note:
        outcome = world.run(sync_groups, everybody, outcome.handles)

    world.ahead += timedelta(hours=1)
    outcome = world.run(sync_groups, everybody, outcome.handles)

    put_in_at = outcome.handles.groups[name(world, "admin")].put_in_at
    assert put_in_at is not None
    assert world.now() - put_in_at < timedelta(minutes=1)


def test_more_people_than_one_call_takes(world: DirectoryWorld, many_users: list[str]) -> None:
    everybody = tenant_of(world, *(person(each, "admin") for each in many_users))
    first, reads, _ = world.counted(sync_groups, everybody, ACCOUNT)
    assert isinstance(first, Wait)
    assert (first.note, first.retry_in) == (f"{len(many_users) - PORTION} people to look up; continuing", timedelta())
    assert reads == PORTION + 2  # the group of each AWS role
    handles = world.finish(sync_groups, everybody, first.handles).handles

    assert groups(world)[name(world, "admin")] == sorted(many_users)
    _, reads, writes = world.counted(sync_groups, everybody, handles)
    assert (reads, writes) == (2, 0)  # pages of 100
    before = world.simulator.mark()
    world.finish(sync_groups, tenant_of(world, person(many_users[0], "admin")), handles)

    assert groups(world)[name(world, "admin")] == many_users[:1]
    if world.service == "scim":
        assert world.called(before) == ["ListUsers"] * 3 + ["GetGroup"] + ["PatchGroup"] * 2


def test_one_group_that_cannot_be_read_keeps_none_of_many_in_another(
    world: DirectoryWorld, many_users: list[str]
) -> None:
    if world.service == "scim":
        pytest.skip("SCIM takes a hundred people out by one call, which is no portion")
    tenant = tenant_of(world, person(ALICE, "admin"), person(BOB, "user"))
    handles = world.run(sync_groups, tenant, ACCOUNT).handles
    group = handles.groups[name(world, "admin")].id or ""
    world.simulator.operator("fill_group", group=group, user_names=many_users)
    unreadable = {**handles.groups, name(world, "user"): Group("user", "no-group-id")}

    with pytest.raises(PermanentError):
        world.finish(sync_groups, tenant, replace(handles, groups=unreadable))

    assert groups(world)[name(world, "admin")] == [ALICE]


def test_many_who_are_missing_are_looked_for_once_and_keep_nobody_out(world: DirectoryWorld) -> None:
    strangers = [f"a{number:03}@elsewhere.example.com" for number in range(PORTION)]  # they come before alice
    tenant = tenant_of(world, *(person(each, "admin") for each in (*strangers, ALICE)))
    first = world.run(sync_groups, tenant, ACCOUNT)
    assert isinstance(first, Wait)
    before = world.simulator.mark()

    world.run(sync_groups, tenant, first.handles)

    assert groups(world) == {name(world, "admin"): [ALICE]}
    assert len(world.called(before)) < 10


def test_strangers_on_every_page_are_taken_out(world: DirectoryWorld, many_users: list[str]) -> None:
    tenant = tenant_of(world, person(ALICE, "admin"))
    handles = world.run(sync_groups, tenant, ACCOUNT).handles
    group = handles.groups[name(world, "admin")].id or ""
    world.simulator.operator("fill_group", group=group, user_names=many_users)

    world.finish(sync_groups, tenant, ACCOUNT)  # Redis was lost: nobody of them was ever met

    assert groups(world) == {name(world, "admin"): [ALICE]}


def test_one_who_left_the_identity_store_keeps_nobody_out(world: DirectoryWorld, many_users: list[str]) -> None:
    stale = {each: organization.USERS[each] for each in (ALICE, BOB)} | {"gone@example.com": DEAD}
    people = [person(each, "admin") for each in (*stale, *many_users[:3])]

    outcome = world.run(sync_groups, tenant_of(world, *people), replace(ACCOUNT, users=stale))

    assert groups(world) == {name(world, "admin"): sorted([ALICE, BOB, *many_users[:3]])}
    assert "not in the identity store: gone@example.com" in outcome.note


def test_who_is_missing_is_looked_for_again_after_an_hour_or_for_another_order(world: DirectoryWorld) -> None:
    missing = [person(f"missing{number}@example.com", "admin") for number in range(6)]
    tenant = tenant_of(world, person(ALICE, "admin"), *missing)
    handles = world.run(sync_groups, tenant, ACCOUNT).handles

    again, reads, writes = world.counted(sync_groups, tenant, handles)
    assert (again.handles, reads, writes) == (handles, 1, 0)
    assert "missing5@example.com" in again.note

    _, reads, _ = world.counted(sync_groups, tenant_of(world, person(ALICE, "admin"), *missing[:5]), handles)
    assert reads == 1 + 6  # alice is asked for again, too
    world.ahead = LOOK_AGAIN
    later, reads, _ = world.counted(sync_groups, tenant, handles)
    assert reads == 1 + 6
    assert later.handles.absence != handles.absence


def test_somebody_who_appears_is_let_in_and_forgotten_as_missing(
    world: DirectoryWorld, simulator: SimulatorClient
) -> None:
    newcomer = f"{world.workspace}@example.com"
    tenant = tenant_of(world, person(newcomer, "admin"))
    handles = world.run(sync_groups, tenant, ACCOUNT).handles
    simulator.operator("add_users", user_names=[newcomer])
    world.ahead = LOOK_AGAIN

    after = world.run(sync_groups, tenant, handles).handles

    assert groups(world) == {name(world, "admin"): [newcomer]}
    assert after.absence is None
    simulator.operator("remove_users", user_names=[newcomer])


def test_a_throttled_call_is_tried_when_aws_allows_it(world: DirectoryWorld) -> None:
    tenant = tenant_of(world, person(ALICE, "admin"))
    faults: dict[str, dict[str, Any]] = {
        "identitystore": {"code": "ThrottlingException", "status": 400, "fields": {"RetryAfterSeconds": 7}},
        "scim": {"kind": "throttle"},
    }
    world.simulator.inject(service=world.service, operation="CreateGroup", **faults[world.service])

    with pytest.raises(Throttled) as throttled:
        world.run(sync_groups, tenant, ACCOUNT)
    world.run(sync_groups, tenant, ACCOUNT)

    assert throttled.value.retry_after == {"identitystore": 7, "scim": 1}[world.service]
    assert groups(world) == {name(world, "admin"): [ALICE]}


def test_a_concurrent_modification_is_no_taken_name(world: DirectoryWorld) -> None:
    if world.service == "scim":
        pytest.skip("SCIM has one conflict: the name is taken")
    tenant = tenant_of(world, person(ALICE, "admin"))
    fault = {"code": "ConflictException", "status": 400, "fields": {"Reason": "CONCURRENT_MODIFICATION"}}
    for operation in ("CreateGroup", "CreateGroupMembership"):
        world.simulator.inject(service="identitystore", operation=operation, **fault)
        with pytest.raises(Throttled):
            world.run(sync_groups, tenant, ACCOUNT)

    world.run(sync_groups, tenant, ACCOUNT)

    assert groups(world) == {name(world, "admin"): [ALICE]}


def test_an_expired_scim_token_says_what_to_do(world: DirectoryWorld) -> None:
    if world.service != "scim":
        pytest.skip("of SCIM only")
    world.simulator.set_options(scim_access_token="another")

    with pytest.raises(SignInRefused) as refused:
        world.run(sync_groups, tenant_of(world, person(ALICE, "admin")), ACCOUNT)

    assert "Generate a new one" in (refused.value.remedy or "")
    assert SCIM.access_token.get_secret_value() not in str(refused.value)


NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
ORDER, OTHER = Desired(landing_zone="one"), Desired(landing_zone="two")


@pytest.mark.parametrize(
    ("desired", "later", "spared"),
    [
        (ORDER, timedelta(), {"a", "b"}),
        (ORDER, LOOK_AGAIN - timedelta(seconds=1), {"a", "b"}),
        (ORDER, LOOK_AGAIN, set()),
        (OTHER, timedelta(), set()),
    ],
)
def test_absence_counts_for_a_while_and_for_one_order(desired: Desired, later: timedelta, spared: set[str]) -> None:
    absence = absence_after(None, frozenset("ab"), ORDER, NOON)
    assert absence is not None

    assert not_looked_for(absence, desired, NOON + later) == spared
    after = absence_after(absence, frozenset("b"), desired, NOON + later)
    assert after == Absence(NOON if spared else NOON + later, after.desired if after else "", ("b",))
    assert absence_after(absence, frozenset(), desired, NOON) is None


@pytest.mark.parametrize(
    ("wanted", "actual", "unknown", "met", "change"),
    [
        ("", "", False, "", ("", "")),
        ("ab", "", False, "", ("ab", "")),
        ("ab", "ab", False, "ab", ("", "")),
        ("a", "ab", False, "", ("", "b")),
        ("ac", "ab", False, "ab", ("c", "b")),
        ("", "ab", True, "", ("", "")),
        ("c", "ab", True, "b", ("c", "b")),
    ],
)
def test_the_difference_has_its_table(
    wanted: str, actual: str, unknown: bool, met: str, change: tuple[str, str]
) -> None:
    assert difference(frozenset(wanted), frozenset(actual), unknown=unknown, met=frozenset(met)) == Change(
        frozenset(change[0]), frozenset(change[1])
    )
