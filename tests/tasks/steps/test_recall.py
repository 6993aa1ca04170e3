"""What is forgotten is read again and judged by proof: after a loss of Redis, or from a backup that is older than AWS.

The groups hold for the Identity Store API and for SCIM, whether that shows externalIds or not.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any
from uuid import uuid4

import pytest

from config.platform import PlatformRoleMapping
from tasks.aws.session import Sessions
from tasks.model.desired import Deletion, Tenant
from tasks.model.handles import Doubt, Handles, in_doubt, let_in_lately
from tasks.model.replication import Done, Wait
from tasks.steps.assign_permission_sets import assign_permission_sets
from tasks.steps.create_account import create_account
from tasks.steps.federate_identity import federate_identity
from tasks.steps.recall_access import recall_access
from tasks.steps.revoke_access import revoke_access
from tasks.steps.settle_doubt import settle_doubt
from tasks.steps.sync_groups import sync_groups
from tasks.steps.wait_for_account import wait_for_account
from tasks.steps.withdraw_access import withdraw_access
from tests.support.waiting import eventually
from tests.tasks.steps.by_hand import by_hand
from tests.tasks.steps.directory_world import ALICE, BOB, DirectoryWorld, groups, name, pattern, person
from tests.tasks.steps.test_federate_identity import FEDERATION, shown
from workers.sandbox import organization
from workers.sandbox.client import SimulatorClient

ADMIN, READER, USER = (
    organization.ADMIN_PERMISSION_SET_ARN,
    organization.READER_PERMISSION_SET_ARN,
    organization.USER_PERMISSION_SET_ARN,
)
HIDDEN = "scim, which hides externalIds"


@pytest.fixture(params=["identitystore", "scim", HIDDEN])
def world(request: pytest.FixtureRequest, simulator: SimulatorClient, sessions: Sessions) -> DirectoryWorld:
    simulator.set_options(scim_shows_external_ids=request.param != HIDDEN, enforce_policies=False)
    service = "scim" if request.param == HIDDEN else request.param
    return DirectoryWorld(simulator, sessions, workspace=f"w{uuid4().hex[:10]}", service=service)


def mapping(role: str, *arns: str, aws_role: str | None = None) -> PlatformRoleMapping:
    return PlatformRoleMapping(project_role=role, aws_role=aws_role or role, permission_set_arns=arns)


MAPPINGS = (mapping("admin", ADMIN, USER), mapping("reader", READER))


def tenant_of(
    world: DirectoryWorld,
    *people: dict[str, Any],
    mappings: tuple[PlatformRoleMapping, ...] = MAPPINGS,
    federation: Any = None,
    **access: Any,
) -> Tenant:
    platform = world.directory_platform(role_mappings=mappings, **access)
    return world.tenant(desired={"access": list(people)}, platform={**platform, "identity_federation": federation})


def given(world: DirectoryWorld, tenant: Tenant) -> Handles:
    """Give everybody what the order says; a loss of Redis follows in most tests."""
    handles = world.created(tenant)
    for step in (sync_groups, federate_identity, assign_permission_sets):
        handles = world.finish(step, tenant, handles).handles
    world.ahead += world.aws(tenant).visibility_grace  # it was long ago
    return handles


def found_again(world: DirectoryWorld, tenant: Tenant) -> Handles:
    """Replicate a tenant of whom nothing is remembered as far as its account is found and read."""
    handles = Handles()
    for step in (withdraw_access, create_account, wait_for_account, recall_access):
        handles = world.finish(step, tenant, handles).handles
    return handles


def replicated(world: DirectoryWorld, tenant: Tenant, handles: Handles) -> Handles:
    """Go on to the end of the doubt."""
    for step in (sync_groups, federate_identity, assign_permission_sets, settle_doubt):
        handles = world.finish_at_once(step, tenant, handles).handles
    return handles


def assigned(world: DirectoryWorld, handles: Handles) -> set[tuple[str, str]]:
    """Return name of the group and permission set of each assignment in the account."""
    state = world.simulator.state()
    names = {group["id"]: group["name"] for group in state["identity_store"]["groups"]}
    rows = state["identity_center"]["assignments"]
    return {
        (names.get(row["PrincipalId"], "gone"), row["PermissionSetArn"])
        for row in rows
        if row["AccountId"] == handles.account_id
    }


def has_assignments(world: DirectoryWorld, handles: Handles, number: int) -> bool:
    return len(assigned(world, handles)) == number


def test_a_mapping_that_was_made_smaller_while_redis_was_lost(world: DirectoryWorld) -> None:
    given(world, tenant_of(world, person(ALICE, "admin")))
    smaller = tenant_of(world, person(ALICE, "admin"), mappings=(mapping("admin", USER),))

    handles = replicated(world, smaller, found_again(world, smaller))

    assert assigned(world, handles) == {(name(world, "admin"), USER)}
    assert handles.doubt is None


def test_a_role_that_no_mapping_names_any_more_since_redis_was_lost(world: DirectoryWorld) -> None:
    given(world, tenant_of(world, person(ALICE, "admin"), person(BOB, "reader")))
    without = tenant_of(world, person(ALICE, "admin"), person(BOB, "reader"), mappings=(mapping("reader", READER),))

    handles = found_again(world, without)
    assert groups(world) == {name(world, "admin"): [], name(world, "reader"): [BOB]}

    handles = replicated(world, without, handles)
    assert assigned(world, handles) == {(name(world, "reader"), READER)}
    assert groups(world) == {name(world, "reader"): [BOB]}


def test_a_group_of_another_pattern_is_known_by_its_proof(world: DirectoryWorld) -> None:
    given(world, tenant_of(world, person(ALICE, "admin"), person(BOB, "admin")))
    other = pattern("new-#{workspaceIdentifier}-#{platformGroupAlias}")
    renamed = tenant_of(world, person(ALICE, "admin"), group_name_pattern=other)

    handles = found_again(world, renamed)
    assert groups(world) == {name(world, "admin"): [ALICE]}

    handles = replicated(world, renamed, handles)
    new = f"mst-new-{world.workspace}-admin"
    assert groups(world) == {new: [ALICE]}
    assert assigned(world, handles) == {(new, ADMIN), (new, USER)}


def test_who_is_withdrawn_right_after_a_loss_is_out_before_the_account_is_found(world: DirectoryWorld) -> None:
    given(world, tenant_of(world, person(ALICE, "admin"), person(BOB, "admin", "reader")))

    world.run(withdraw_access, tenant_of(world, person(ALICE, "admin")), Handles())

    assert groups(world) == {name(world, "admin"): [ALICE], name(world, "reader"): []}


def moved(world: DirectoryWorld, *people: dict[str, Any]) -> Tenant:
    """Order the tenant in a landing zone that maps none of the roles that it had."""
    other = tenant_of(world, *people, mappings=(mapping("reader", READER, aws_role="viewer"),))
    return replace(other, known_roles=frozenset({"admin", "reader", "viewer"}))


def test_who_loses_a_role_by_another_landing_zone_right_after_a_loss_is_out_before_the_account_is_found(
    world: DirectoryWorld,
) -> None:
    given(world, tenant_of(world, person(ALICE, "admin"), person(BOB, "reader")))

    world.run(withdraw_access, moved(world, person(BOB, "reader")), Handles())

    assert ALICE not in {each for members in groups(world).values() for each in members}


def test_a_deletion_right_after_a_loss_takes_everybody_out_before_the_account_is_found(world: DirectoryWorld) -> None:
    given(world, tenant_of(world, person(ALICE, "admin"), person(BOB, "reader")))
    doomed = replace(moved(world), deletion=Deletion(requested_at=world.now()))

    world.finish(revoke_access, doomed, Handles())

    assert [members for members in groups(world).values() if members] == []


def test_a_backup_that_is_older_than_a_grant(world: DirectoryWorld) -> None:
    first = tenant_of(world, person(ALICE, "admin"))
    saved = in_doubt(given(world, first))
    more = tenant_of(world, person(ALICE, "admin"), person(BOB, "reader"), mappings=(*MAPPINGS, mapping("user", USER)))
    replicated(world, more, replace(saved, doubt=None))
    world.ahead += world.aws(first).visibility_grace

    handles = world.run(withdraw_access, first, saved).handles

    assert groups(world) == {name(world, "admin"): [ALICE], name(world, "reader"): []}
    handles = replicated(world, first, handles)
    assert assigned(world, handles) == {(name(world, "admin"), ADMIN), (name(world, "admin"), USER)}


def test_a_federation_that_was_removed_while_redis_was_lost(world: DirectoryWorld) -> None:
    before = given(world, tenant_of(world, federation=FEDERATION))
    assert shown(world, before).keys() == {"admin", "reader"}

    handles = found_again(world, tenant_of(world))

    assert shown(world, handles) == {}


def test_what_does_not_prove_to_be_ours_is_left_alone_and_told_of(world: DirectoryWorld) -> None:
    tenant = tenant_of(world, person(ALICE, "admin"))
    before = given(world, tenant)
    aws, mark = world.aws(tenant), "meshstack.tenant.other.shop.aws.sandbox.role.admin"
    foreign = [aws.directory.create_group(f"theirs-{world.workspace}-{each}", each) for each in ("no proof", mark)]
    account = aws.account_assignments.account(organization.INSTANCE_ARN, before.known_account())
    with by_hand(world):
        for number, each in enumerate(foreign, start=1):
            account.assign(each or "", READER)
            eventually(partial(has_assignments, world, before, 2 + number))
    world.simulator.operator("create_role", account=before.account_id, role="theirs")

    handles = world.run(withdraw_access, tenant, in_doubt(before)).handles
    replicated(world, tenant, handles)

    names = {group for group, _ in assigned(world, before)}
    assert {f"theirs-{world.workspace}-no proof", f"theirs-{world.workspace}-{mark}"} <= names
    assert "theirs" in shown(world, before)
    assert "left alone: 2 groups with access" in world.run(withdraw_access, tenant, in_doubt(before)).note


def test_what_aws_was_still_assigning_when_redis_was_lost(world: DirectoryWorld) -> None:
    tenant = tenant_of(world, person(ALICE, "admin"))
    handles = world.finish(sync_groups, tenant, world.created(tenant)).handles
    world.simulator.set_options(assignment_seconds=1)
    world.run(assign_permission_sets, tenant, handles)
    smaller = tenant_of(world, person(ALICE, "admin"), mappings=(mapping("admin", USER),))

    handles = found_again(world, smaller)
    waiting = world.run(settle_doubt, smaller, handles)
    assert isinstance(waiting, Wait)
    eventually(lambda: (name(world, "admin"), ADMIN) in assigned(world, handles))
    world.simulator.set_options(assignment_seconds=0.05)

    assert assigned(world, replicated(world, smaller, waiting.handles)) == {(name(world, "admin"), USER)}


def test_a_membership_that_is_shown_only_after_the_first_look(world: DirectoryWorld) -> None:
    tenant = tenant_of(world, person(ALICE, "admin"))
    before = given(world, tenant)
    handles = found_again(world, tenant)
    world.aws(tenant).directory.add(before.groups[name(world, "admin")].id or "", [organization.USERS[BOB]])

    handles = world.finish_at_once(settle_doubt, tenant, handles).handles

    assert groups(world) == {name(world, "admin"): [ALICE]}
    assert handles.doubt is None


def test_who_remembers_all_asks_nothing(world: DirectoryWorld) -> None:
    tenant = tenant_of(world, person(ALICE, "admin"), federation=FEDERATION)
    handles = given(world, tenant)

    for step in (withdraw_access, recall_access, settle_doubt):
        outcome, reads, writes = world.counted(step, tenant, handles)
        assert (outcome.handles, reads, writes) == (handles, 0, 0)


def test_a_new_account_is_in_no_doubt(world: DirectoryWorld) -> None:
    tenant = tenant_of(world, person(ALICE, "admin"))
    handles = world.run(withdraw_access, tenant).handles
    assert handles.doubt is not None

    for step in (create_account, wait_for_account):
        handles = world.finish(step, tenant, handles).handles

    assert handles.doubt is None
    assert world.counted(recall_access, tenant, handles)[1:] == (0, 0)


def test_a_deletion_of_a_tenant_of_whom_little_is_known_takes_everybody_out(world: DirectoryWorld) -> None:
    handles = given(world, tenant_of(world, person(ALICE, "admin")))
    unnamed = tenant_of(world, person(ALICE, "admin"), mappings=(mapping("reader", READER),))
    doomed = replace(unnamed, deletion=Deletion(requested_at=world.now()))

    world.run(recall_access, doomed, Handles(account_id=handles.account_id))

    assert groups(world) == {name(world, "admin"): []}


def test_many_people_are_taken_out_in_portions_of_a_doubt(world: DirectoryWorld) -> None:
    names = world.simulator.operator("add_users", number=100)["user_names"]
    tenant = tenant_of(world, person(ALICE, "admin"))
    try:
        handles = given(world, tenant)
        group = handles.groups[name(world, "admin")].id
        world.simulator.operator("fill_group", group=group, user_names=names)
        kept = tenant_of(world, *(person(each, "admin") for each in names[:60]))

        world.finish(withdraw_access, kept, in_doubt(handles))

        assert groups(world) == {name(world, "admin"): sorted(names[:60])}
    finally:
        world.simulator.operator("remove_users", user_names=names)


def test_a_doubt_is_noted_once(world: DirectoryWorld) -> None:
    tenant = tenant_of(world, person(ALICE, "admin"))

    first = world.run(withdraw_access, tenant).handles
    world.ahead += world.aws(tenant).visibility_grace
    second = world.run(withdraw_access, tenant, first).handles

    assert first.doubt is not None
    assert second.doubt == Doubt(since=first.doubt.since)


def test_a_doubt_waits_for_what_aws_may_not_show_at_its_end_only(world: DirectoryWorld) -> None:
    """Everybody whom AWS shows is out at once, and the order goes on; who is shown later goes later."""
    tenant = tenant_of(world, person(ALICE, "admin"))
    handles = let_in_lately(given(world, tenant_of(world, person(ALICE, "admin"), person(BOB, "admin"))), world.now())
    group = handles.groups[name(world, "admin")].id or ""

    done = world.run(withdraw_access, tenant, in_doubt(handles))
    assert isinstance(done, Done)
    assert groups(world) == {name(world, "admin"): [ALICE]}

    world.aws(tenant).directory.add(group, [handles.users[BOB]])  # as if AWS showed now what it was asked before
    world.ahead += world.aws(tenant).visibility_grace
    settled = world.finish(settle_doubt, tenant, done.handles).handles
    assert groups(world) == {name(world, "admin"): [ALICE]}
    assert settled.doubt is None
