"""assign_permission_sets: groups get their permission sets in the account; what is too much goes when the new works."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from config.patterns import Pattern
from config.platform import PlatformRoleMapping
from tasks.aws import Lane
from tasks.aws.identity_center import DELETION_REMEDY, AccountAccess, AssignmentStatus
from tasks.errors import AccessDenied, LaneFull, NotReady, PermanentError, StepError, Throttled, Unanswered
from tasks.model.desired import Tenant
from tasks.model.handles import Group, Handles, PendingAssignment
from tasks.model.replication import Done, Wait
from tasks.permissions.assignment_plan import Assignments, difference
from tasks.steps.assign_permission_sets import assign_permission_sets
from tasks.steps.sync_groups import sync_groups
from tasks.steps.withdraw_access import withdraw_access
from tests.support.waiting import eventually
from tests.tasks.steps.by_hand import by_hand
from tests.tasks.steps.test_sync_groups import ids_only
from tests.tasks.steps.world import PLATFORM, World
from workers.sandbox import organization

STORE = PLATFORM.identity_store
assert STORE is not None
ADMIN, READER, USER = (
    organization.ADMIN_PERMISSION_SET_ARN,
    organization.READER_PERMISSION_SET_ARN,
    organization.USER_PERMISSION_SET_ARN,
)
LATER = timedelta(minutes=2)  # than the time within which AWS may not show what it has done
NO_SUCH_SET = ADMIN.replace("ps-sandboxadmin0001", "ps-doesnotexist0001")
ALICE, BOB = "alice@example.com", "bob@example.com"


def mapping(role: str, *arns: str, aws_role: str | None = None) -> PlatformRoleMapping:
    return PlatformRoleMapping(project_role=role, aws_role=aws_role or role, permission_set_arns=arns)


MAPPINGS = (mapping("admin", ADMIN, USER), mapping("reader", READER))


def tenant_of(world: World, people: dict[str, list[str]], *mappings: PlatformRoleMapping, **store: Any) -> Tenant:
    assert STORE is not None
    access = [{"username": name, "euid": name, "roles": roles} for name, roles in people.items()]
    changed = STORE.model_copy(update={"role_mappings": mappings or MAPPINGS, **store})
    return world.tenant(desired={"access": access}, platform={"identity_store": changed})


def synced(world: World, tenant: Tenant, handles: Handles | None = None) -> Handles:
    """The account with its groups, as the step before leaves them."""
    return world.finish(sync_groups, tenant, handles or world.account(tenant)).handles


def finish(world: World, tenant: Tenant, handles: Handles) -> Handles:
    return world.finish(assign_permission_sets, tenant, handles).handles


def failure(world: World, tenant: Tenant, handles: Handles) -> PermanentError:
    with pytest.raises(PermanentError) as caught:
        finish(world, tenant, handles)
    return caught.value


def groups(world: World) -> dict[str, str]:
    """Role by id of this test's groups."""
    found = world.simulator.state()["identity_store"]["groups"]
    return {group["id"]: group["name"].rsplit("-", 1)[-1] for group in found if world.workspace in group["name"]}


def assignments(world: World, handles: Handles) -> set[tuple[str, str]]:
    """Role (or "deleted") and permission set of every assignment in the account."""
    found = world.simulator.state()["identity_center"]["assignments"]
    names = groups(world)
    return {
        (names.get(item["PrincipalId"], "deleted"), item["PermissionSetArn"])
        for item in found
        if item["AccountId"] == handles.account_id
    }


def access(world: World, tenant: Tenant, handles: Handles) -> AccountAccess:
    return world.aws(tenant).account_assignments.account(organization.INSTANCE_ARN, handles.account_id or "")


def unassigned(world: World, tenant: Tenant, handles: Handles, group: str, arn: str) -> str:
    """Take a permission set from a group by hand; returns the request's id when it has ended."""
    account = access(world, tenant, handles)
    request = account.unassign(group, arn)
    assert request is not None
    eventually(lambda: account.unassigning(request.id).status is not AssignmentStatus.IN_PROGRESS)
    return request.id


def free(world: World) -> bool:
    return not any(world.places.taken.values())


EVERYTHING = {("admin", ADMIN), ("admin", USER), ("reader", READER)}


def test_without_identity_center_nothing_is_asked(world: World) -> None:
    tenant, handles = world.tenant(platform={"identity_store": None}), Handles(account_id="123456789012")

    outcome, reads, writes = world.counted(assign_permission_sets, tenant, handles)

    assert outcome == Done(handles, "the platform has no Identity Center")
    assert (reads, writes) == (0, 0)


def test_every_group_gets_its_permission_sets(world: World) -> None:
    tenant = tenant_of(world, {ALICE: ["admin"], BOB: ["reader"]})
    handles = synced(world, tenant)

    outcome = world.finish(assign_permission_sets, tenant, handles)

    assert assignments(world, handles) == EVERYTHING
    assert outcome.note == "3 account assignments"
    assert outcome.handles.pending_assignments == ()
    assert {group.role: group.permission_sets for group in outcome.handles.groups.values()} == {
        "admin": tuple(sorted((ADMIN, USER))),
        "reader": (READER,),
    }
    assert free(world)


def test_different_permission_sets_are_started_side_by_side(world: World) -> None:
    world.simulator.set_options(assignment_seconds=60)
    tenant = tenant_of(world, {ALICE: ["admin"], BOB: ["reader"]})
    handles = synced(world, tenant)

    outcome = world.run(assign_permission_sets, tenant, handles)

    assert isinstance(outcome, Wait)
    assert outcome.note == "waiting for AWS: 3 account assignments in progress"
    assert len(outcome.since) == 3
    assert len(outcome.handles.pending_assignments) == 3
    assert world.remembered[-1] == outcome.handles


def test_the_same_permission_set_for_two_groups_is_given_one_after_the_other(world: World) -> None:
    tenant = tenant_of(world, {ALICE: ["admin"], BOB: ["reader"]}, mapping("admin", READER), mapping("reader", READER))
    handles = synced(world, tenant)

    first = world.run(assign_permission_sets, tenant, handles)

    assert first.note == "waiting for AWS: 1 account assignment in progress"
    finish(world, tenant, first.handles)
    assert assignments(world, handles) == {("admin", READER), ("reader", READER)}


def listed(world: World, mark: int) -> int:
    return sum(call.operation == "ListAccountAssignments" for call in world.simulator.calls(mark))


def test_what_aws_says_to_have_made_is_not_listed_again(world: World) -> None:
    tenant = tenant_of(world, {ALICE: ["admin"], BOB: ["reader"]})
    handles = synced(world, tenant)
    world.ahead += LATER
    mark = world.simulator.mark()
    started = world.run(assign_permission_sets, tenant, handles)
    assert listed(world, mark) == 3

    outcome = until_made(world, tenant, started.handles)

    assert listed(world, mark) == 3
    assert outcome.note == "3 account assignments"
    assert assignments(world, handles) == EVERYTHING


def test_what_was_planned_and_not_sent_is_found_by_the_list(world: World) -> None:
    tenant = tenant_of(world, {ALICE: ["admin"]})
    handles = synced(world, tenant)
    world.simulator.inject(service="sso-admin", operation="CreateAccountAssignment", kind="throttle", skip=1)
    first = world.run(assign_permission_sets, tenant, handles)
    assert len(first.handles.pending_assignments) == 1

    finish(world, tenant, first.handles)

    assert assignments(world, handles) == {("admin", ADMIN), ("admin", USER)}


def test_what_is_wanted_meanwhile_is_found_by_the_list(world: World) -> None:
    tenant = tenant_of(world, {ALICE: ["admin"]})
    handles = synced(world, tenant)
    first = world.run(assign_permission_sets, tenant, handles)
    changed = tenant_of(world, {ALICE: ["admin"]}, mapping("admin", ADMIN, USER, READER))

    finish(world, changed, first.handles)

    assert assignments(world, handles) == {("admin", ADMIN), ("admin", USER), ("admin", READER)}


def until_made(world: World, tenant: Tenant, handles: Handles) -> Done:
    """Look at the started requests until all have ended, which they do within one look: they were sent together."""
    started = max(pending.sent_at for pending in handles.pending_assignments if pending.sent_at)
    eventually(lambda: (world.now() - started).total_seconds() > world.simulator.options()["assignment_seconds"] + 0.05)
    outcome = world.run(assign_permission_sets, tenant, handles)
    assert isinstance(outcome, Done)
    return outcome


def test_an_unchanged_tenant_costs_one_read_for_each_permission_set(world: World) -> None:
    tenant = tenant_of(world, {ALICE: ["admin"], BOB: ["reader"]})
    handles = finish(world, tenant, synced(world, tenant))

    outcome, reads, writes = world.counted(assign_permission_sets, tenant, handles)

    assert outcome == Done(handles, "3 account assignments")
    assert (reads, writes) == (3, 0)


def test_permission_sets_of_several_project_roles_are_united_in_one_aws_role(world: World) -> None:
    mappings = mapping("admin", ADMIN, aws_role="builder"), mapping("developer", USER, aws_role="builder")
    tenant = tenant_of(world, {ALICE: ["developer"]}, *mappings)
    handles = synced(world, tenant)

    finish(world, tenant, handles)

    assert assignments(world, handles) == {("builder", ADMIN), ("builder", USER)}


def test_an_assignment_removed_by_hand_comes_back(world: World) -> None:
    tenant = tenant_of(world, {ALICE: ["admin"]})
    handles = finish(world, tenant, synced(world, tenant))
    group = next(iter(groups(world)))
    world.ahead += LATER
    with by_hand(world):
        unassigned(world, tenant, handles, group, ADMIN)

    finish(world, tenant, handles)

    assert assignments(world, handles) == {("admin", ADMIN), ("admin", USER)}


def test_after_a_loss_of_redis_nothing_is_written(world: World) -> None:
    tenant = tenant_of(world, {ALICE: ["admin"], BOB: ["reader"]})
    account = world.account(tenant)
    handles = finish(world, tenant, synced(world, tenant, account))

    outcome, _, writes = world.counted(assign_permission_sets, tenant, synced(world, tenant, account))

    assert ids_only(outcome.handles) == ids_only(replace(handles, settled_assignments=()))
    assert writes == 0


def test_whatever_was_remembered_last_leads_to_the_same_end(world: World) -> None:
    tenant = tenant_of(world, {ALICE: ["admin"], BOB: ["reader"]})
    synchronised = synced(world, tenant)
    world.remembered.clear()
    handles = finish(world, tenant, synchronised)

    restored = {name: replace(group, made_at=None) for name, group in synchronised.groups.items()}
    for remembered in (replace(synchronised, groups=restored), *world.remembered):
        outcome, _, writes = world.counted(assign_permission_sets, tenant, remembered)
        assert ids_only(replace(outcome.handles, settled_assignments=())) == ids_only(
            replace(handles, settled_assignments=())
        )
        assert writes == 0
    assert len(world.remembered) == 6  # each of three requests: ahead of the call, and with its id


def test_a_lost_answer_is_looked_up(world: World) -> None:
    tenant = tenant_of(world, {ALICE: ["admin"]}, mapping("admin", ADMIN))
    handles = synced(world, tenant)
    world.simulator.inject(service="sso-admin", operation="CreateAccountAssignment", kind="lost_response")
    with pytest.raises(Unanswered):
        world.run(assign_permission_sets, tenant, handles)
    intended = world.remembered[-1]
    assert [pending.request_id for pending in intended.pending_assignments] == [None]
    assert not free(world)

    after = until_done(world, tenant, intended)

    assert assignments(world, handles) == {("admin", ADMIN)}
    assert after.pending_assignments == ()
    assert free(world)


def until_done(world: World, tenant: Tenant, handles: Handles) -> Handles:
    """As the due index does: a transient error is tried again with what was remembered."""
    for _ in range(1000):
        try:
            return finish(world, tenant, handles)
        except (Throttled, Unanswered):
            handles = world.remembered[-1]
    raise AssertionError("never done")


def test_a_request_that_aws_forgot_is_looked_up(world: World) -> None:
    tenant = tenant_of(world, {ALICE: ["admin"]}, mapping("admin", ADMIN))
    handles = finish(world, tenant, synced(world, tenant))
    unknown = PendingAssignment(next(iter(groups(world))), ADMIN, "00000000-0000-4000-8000-000000000000")
    lost = replace(handles, pending_assignments=(unknown,))

    outcome, _, writes = world.counted(assign_permission_sets, tenant, lost)

    assert outcome.handles == handles
    assert writes == 0


def test_a_removal_that_fails_because_it_is_gone_is_fine(world: World) -> None:
    tenant = tenant_of(world, {ALICE: ["admin"]})
    handles = finish(world, tenant, synced(world, tenant))
    changed = tenant_of(world, {ALICE: ["admin"]}, mapping("admin", ADMIN))
    (group,) = groups(world)
    world.ahead += LATER
    with by_hand(world):
        unassigned(world, tenant, handles, group, USER)
        failed = unassigned(world, tenant, handles, group, USER)
        pending = PendingAssignment(group, USER, failed, delete=True)

        after = finish(world, changed, replace(handles, pending_assignments=(pending,)))

    assert after.pending_assignments == ()
    assert assignments(world, handles) == {("admin", ADMIN)}


def test_a_failed_assignment_shows_its_reason_after_the_others_were_made(world: World) -> None:
    tenant = tenant_of(world, {ALICE: ["admin"]})
    handles = synced(world, tenant)
    world.simulator.operator("suspend_account", account=handles.account_id)

    with pytest.raises(NotReady, match="is not active"):  # AWS may not know the new group and account everywhere
        finish(world, tenant, handles)
    world.ahead = world.aws(tenant).visibility_grace
    error = failure(world, tenant, world.remembered[-1])

    assert error.code == "AccountAssignmentFailed"
    assert ADMIN in error.message
    assert USER in error.message
    assert "is not active" in error.message
    assert world.remembered[-1].pending_assignments == ()
    assert free(world)
    world.simulator.operator("reopen_account", account=handles.account_id)
    finish(world, tenant, world.remembered[-1])
    assert assignments(world, handles) == {("admin", ADMIN), ("admin", USER)}


def test_a_permission_set_that_does_not_exist_keeps_no_other_from_being_assigned(world: World) -> None:
    tenant = tenant_of(world, {ALICE: ["admin"]}, mapping("admin", NO_SUCH_SET, USER))
    handles = synced(world, tenant)

    error = failure(world, tenant, handles)

    assert error.code == "ResourceNotFoundException"
    assert assignments(world, handles) == {("admin", USER)}
    assert free(world)


def test_a_full_lane_lets_nothing_through(world: World) -> None:
    world.limits[Lane.ACCOUNT_ASSIGNMENT] = 0
    tenant = tenant_of(world, {ALICE: ["admin"]})
    handles = synced(world, tenant)
    mark = world.simulator.mark()

    with pytest.raises(LaneFull):
        world.run(assign_permission_sets, tenant, handles)

    assert world.simulator.writes_since(mark) == []


def test_what_is_in_flight_is_polled_while_the_lane_is_full(world: World) -> None:
    world.limits[Lane.ACCOUNT_ASSIGNMENT] = 1
    tenant = tenant_of(world, {ALICE: ["admin"], BOB: ["reader"]})
    handles = synced(world, tenant)

    first = world.run(assign_permission_sets, tenant, handles)

    assert first.note == "waiting for AWS: 1 account assignment in progress"
    finish(world, tenant, first.handles)
    assert assignments(world, handles) == EVERYTHING


def test_a_throttled_call_is_tried_again_and_gives_its_place_back(world: World) -> None:
    tenant = tenant_of(world, {ALICE: ["admin"]})
    handles = synced(world, tenant)
    world.simulator.inject(service="sso-admin", operation="CreateAccountAssignment", kind="throttle")

    with pytest.raises(Throttled):
        world.run(assign_permission_sets, tenant, handles)

    assert free(world)
    finish(world, tenant, world.remembered[-1])
    assert assignments(world, handles) == {("admin", ADMIN), ("admin", USER)}


def test_a_refusal_is_told_as_aws_says_it(world: World) -> None:
    tenant = tenant_of(world, {ALICE: ["admin"]})
    handles = synced(world, tenant)
    world.simulator.deny("sso:CreateAccountAssignment")

    error = failure(world, tenant, handles)

    assert isinstance(error, AccessDenied)
    assert assignments(world, handles) == set()
    assert free(world)


def test_a_permission_set_that_is_not_mapped_any_more_is_taken_away(world: World) -> None:
    tenant = tenant_of(world, {ALICE: ["admin"]})
    handles = finish(world, tenant, synced(world, tenant))
    changed = tenant_of(world, {ALICE: ["admin"]}, mapping("admin", READER, USER))

    with by_hand(world):
        handles = finish(world, changed, synced(world, changed, handles))
        outcome, reads, writes = world.counted(assign_permission_sets, changed, handles)

    assert assignments(world, handles) == {("admin", READER), ("admin", USER)}
    assert outcome.handles == handles
    assert (reads, writes) == (2, 0)
    assert free(world)


def test_what_aws_says_to_have_deleted_is_not_deleted_again(world: World) -> None:
    """The list may show it still, and another deletion would fail."""
    tenant = tenant_of(world, {ALICE: ["admin"], BOB: ["reader"]})
    handles = finish(world, tenant, synced(world, tenant))
    world.ahead = world.aws(tenant).visibility_grace
    fewer = tenant_of(world, {ALICE: ["admin"], BOB: ["reader"]}, mapping("admin", USER), mapping("reader"))
    world.simulator.delay(kind="account_assignment", times=-1)

    with by_hand(world):
        finish(world, fewer, synced(world, fewer, handles))

    world.simulator.show_everything()
    assert assignments(world, handles) == {("admin", USER)}


def test_new_access_works_before_old_access_is_taken_away(world: World) -> None:
    tenant = tenant_of(world, {ALICE: ["admin"]}, mapping("admin", ADMIN))
    handles = finish(world, tenant, synced(world, tenant))
    changed = tenant_of(world, {ALICE: ["admin"]}, mapping("admin", NO_SUCH_SET))

    with by_hand(world):
        failure(world, changed, synced(world, changed, handles))

    assert assignments(world, handles) == {("admin", ADMIN)}


def test_taking_away_without_the_optional_permission_says_which_one(world: World) -> None:
    tenant = tenant_of(world, {ALICE: ["admin"]})
    handles = finish(world, tenant, synced(world, tenant))
    changed = tenant_of(world, {ALICE: ["admin"]}, mapping("admin", READER, USER))
    handles = synced(world, changed, handles)

    error = failure(world, changed, handles)

    assert isinstance(error, AccessDenied)
    assert error.remedy == DELETION_REMEDY
    assert assignments(world, handles) == {("admin", ADMIN), ("admin", READER), ("admin", USER)}
    with by_hand(world):
        finish(world, changed, world.remembered[-1])
    assert assignments(world, handles) == {("admin", READER), ("admin", USER)}


@pytest.mark.parametrize("allowed", [False, True])
def test_a_changed_pattern_deletes_the_old_group_after_the_new_one_works(world: World, allowed: bool) -> None:
    tenant = tenant_of(world, {ALICE: ["admin"]}, mapping("admin", ADMIN))
    handles = finish(world, tenant, synced(world, tenant))
    (old,) = groups(world)
    renamed = Pattern.parse("new-#{workspaceIdentifier}-#{platformGroupAlias}", extra=("platformGroupAlias",))
    changed = tenant_of(world, {ALICE: ["admin"]}, mapping("admin", ADMIN), group_name_pattern=renamed)
    handles = synced(world, changed, handles)
    assert old in groups(world)

    if allowed:
        with by_hand(world):
            outcome = world.finish(assign_permission_sets, changed, handles)
    else:
        outcome = world.finish(assign_permission_sets, changed, handles)

    assert old not in groups(world)
    assert len(outcome.handles.groups) == 1
    left = {("admin", ADMIN)} if allowed else {("admin", ADMIN), ("deleted", ADMIN)}
    assert assignments(world, handles) == left
    assert ("stay" in outcome.note) is not allowed
    again, reads, writes = world.counted(assign_permission_sets, changed, outcome.handles)
    assert (again.handles, reads, writes) == (outcome.handles, 1, 0)


def test_the_group_of_a_role_that_nobody_has_any_more_is_deleted(world: World) -> None:
    tenant = tenant_of(world, {ALICE: ["admin"], BOB: ["reader"]})
    handles = finish(world, tenant, synced(world, tenant))
    alone = tenant_of(world, {ALICE: ["admin"]})

    with by_hand(world):
        handles = finish(world, alone, synced(world, alone, handles))

    assert set(groups(world).values()) == {"admin"}
    assert assignments(world, handles) == {("admin", ADMIN), ("admin", USER)}
    assert handles.groups[f"mst-{world.workspace}.shop-reader"] == Group(
        "reader", None, people=(), project_roles=("reader",)
    )
    assert world.finish(sync_groups, alone, handles).handles == handles


def test_groups_stand_when_new_access_does_not_work(world: World) -> None:
    tenant = tenant_of(world, {ALICE: ["admin"], BOB: ["reader"]})
    handles = finish(world, tenant, synced(world, tenant))
    changed = tenant_of(world, {ALICE: ["admin"]}, mapping("admin", NO_SUCH_SET), mapping("reader", READER))

    failure(world, changed, synced(world, changed, handles))

    assert set(groups(world).values()) == {"admin", "reader"}


def test_after_a_loss_of_redis_what_is_too_much_is_found_among_the_configured_permission_sets(world: World) -> None:
    tenant = tenant_of(world, {ALICE: ["admin"], BOB: ["reader"]})
    account = world.account(tenant)
    finish(world, tenant, synced(world, tenant, account))
    changed = tenant_of(
        world, {ALICE: ["admin"], BOB: ["reader"]}, mapping("admin", ADMIN), mapping("reader", READER, USER)
    )

    with by_hand(world):
        handles = finish(world, changed, synced(world, changed, account))

    assert assignments(world, handles) == {("admin", ADMIN), ("reader", READER), ("reader", USER)}


@pytest.mark.parametrize("operation", ["CreateAccountAssignment", "DeleteAccountAssignment", "DeleteGroup"])
@pytest.mark.parametrize("kind", ["lost_response", "reset"])
def test_a_fault_at_any_write_changes_nothing_in_the_end(world: World, operation: str, kind: str) -> None:
    tenant = tenant_of(world, {ALICE: ["admin"], BOB: ["reader"]})
    handles = finish(world, tenant, synced(world, tenant))
    changed = tenant_of(world, {ALICE: ["admin"]}, mapping("admin", READER), mapping("reader", USER))

    with by_hand(world):
        handles = synced(world, changed, handles)
        world.remembered.append(handles)
        world.simulator.inject(operation=operation, kind=kind)
        try:
            after = finish(world, changed, handles)
        except StepError:
            after = until_done(world, changed, world.remembered[-1])

    assert set(groups(world).values()) == {"admin"}
    assert assignments(world, handles) == {("admin", READER)}
    assert after.pending_assignments == ()
    assert free(world)


def test_every_status_of_aws_is_known(world: World) -> None:
    model = world.sessions.management(world.tenant().platform, "sso-admin").meta.service_model

    assert sorted(AssignmentStatus) == sorted(model.shape_for("StatusValues").enum)


@pytest.mark.parametrize(
    ("wanted", "actual", "expected"),
    [
        ([], [], Assignments()),
        ([("g", "a")], [], Assignments(create=(("g", "a"),))),
        ([("g", "a")], [("g", "a")], Assignments()),
        ([("g", "b")], [("g", "a")], Assignments(create=(("g", "b"),), delete=(("g", "a"),))),
        ([("g", "b")], [("old", "a")], Assignments(create=(("g", "b"),), delete=(("old", "a"),))),
        ([("g", "b")], [("h", "a")], Assignments(create=(("g", "b"),), withdraw=(("h", "a"),))),
        ([("g", "a")], [("g", "a"), ("g", "b")], Assignments(withdraw=(("g", "b"),))),
        ([], [("old", "a")], Assignments(withdraw=(("old", "a"),))),
        ([], [("stranger", "a")], Assignments()),
    ],
)
def test_what_nothing_replaces_goes_first_and_only_groups_that_are_ours_are_touched(
    wanted: list[tuple[str, str]], actual: list[tuple[str, str]], expected: Assignments
) -> None:
    ours = {"g": {"reader"}, "old": {"reader"}, "h": {"admin"}}  # group -> AWS roles

    assert difference(frozenset(wanted), frozenset(actual), ours) == expected


def test_a_permission_set_that_nothing_replaces_is_taken_away_by_the_first_step(world: World) -> None:
    tenant = tenant_of(world, {ALICE: ["admin"]}, mapping("admin", ADMIN, USER))
    handles = finish(world, tenant, synced(world, tenant))
    changed = tenant_of(world, {ALICE: ["admin"]}, mapping("admin", ADMIN))

    with by_hand(world):
        handles = world.run(withdraw_access, changed, handles).handles
        _, reads, writes = world.counted(withdraw_access, changed, handles)
        finish(world, changed, handles)

    assert (reads, writes) == (0, 0)
    assert assignments(world, handles) == {("admin", ADMIN)}
    assert free(world)
