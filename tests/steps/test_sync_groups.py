"""sync_groups: each AWS role's group has exactly the role's people; access is taken away before it is given."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr

from config.patterns import Pattern
from config.platform import PlatformRoleMapping, ScimAccess
from tasks.aws.identity_store import Directory
from tasks.errors import AccessDenied, PermanentError, Unanswered
from tasks.model import Done, Group, Handles, Tenant
from tasks.steps.sync_groups import Change, difference, sync_groups
from tests.steps.by_hand import by_hand
from tests.steps.world import PLATFORM, World
from workers.sandbox import organization

STORE = PLATFORM.identity_store
assert STORE is not None
ALICE, BOB, CAROL, DAVE = (f"{name}@example.com" for name in ("alice", "bob", "carol", "dave"))
ACCOUNT = Handles(account_id="123456789012")


def person(euid: str | None, *roles: str, name: str | None = None) -> dict[str, Any]:
    return {"username": name or euid, "euid": euid, "roles": list(roles)}


def tenant_of(world: World, *people: dict[str, Any], **store: Any) -> Tenant:
    assert STORE is not None
    return world.tenant(desired={"access": list(people)}, platform={"identity_store": STORE.model_copy(update=store)})


def pattern(text: str) -> Pattern:
    return Pattern.parse(text, extra=("platformGroupAlias",))


def groups(world: World) -> dict[str, list[str]]:
    """Members by the names of this test's groups."""
    found = world.simulator.state()["identity_store"]["groups"]
    return {group["name"]: group["members"] for group in found if world.workspace in group["name"]}


def name(world: World, role: str) -> str:
    return f"mst-{world.workspace}.shop-{role}"


def directory(world: World, tenant: Tenant) -> Directory:
    return world.aws(tenant).identity_store.directory(organization.IDENTITY_STORE_ID)


def test_without_identity_center_nothing_is_asked(world: World) -> None:
    outcome, reads, writes = world.counted(sync_groups, world.tenant(platform={"identity_store": None}), ACCOUNT)

    assert outcome == Done(ACCOUNT, "the platform has no Identity Center")
    assert (reads, writes) == (0, 0)


def test_scim_is_not_offered(world: World) -> None:
    scim = ScimAccess(
        scim_endpoint="https://scim.example.com",
        instance_arn=organization.INSTANCE_ARN,
        access_token=SecretStr("token"),
        group_name_pattern=pattern("#{platformGroupAlias}"),
    )

    with pytest.raises(PermanentError, match="SCIM groups are not offered by this version"):
        world.run(sync_groups, world.tenant(platform={"identity_store": None, "scim": scim}), ACCOUNT)


def test_roles_with_people_become_groups(world: World) -> None:
    tenant = tenant_of(world, person(ALICE, "admin", "reader"), person(BOB, "reader"))

    outcome = world.run(sync_groups, tenant, ACCOUNT)

    assert groups(world) == {name(world, "admin"): [ALICE], name(world, "reader"): [ALICE, BOB]}
    assert outcome.note == "2 people in 2 groups"
    assert outcome.handles.users == {user: organization.USERS[user] for user in (ALICE, BOB)}
    assert {group.permission_sets for group in outcome.handles.groups.values()} == {()}


def test_an_unchanged_tenant_costs_one_read_for_each_group(world: World) -> None:
    tenant = tenant_of(world, person(ALICE, "admin"), person(BOB, "reader"))
    handles = world.run(sync_groups, tenant, ACCOUNT).handles

    outcome, reads, writes = world.counted(sync_groups, tenant, handles)

    assert outcome == Done(handles, "2 people in 2 groups")
    assert (reads, writes) == (2, 0)


def test_a_role_that_nobody_has_is_looked_for_once(world: World) -> None:
    tenant = tenant_of(world, person(ALICE, "admin"))
    outcome, _, writes = world.counted(sync_groups, tenant, ACCOUNT)
    handles = outcome.handles

    again, reads, rewrites = world.counted(sync_groups, tenant, handles)

    assert handles.groups[name(world, "reader")] == Group("reader", None)
    assert again.handles == handles
    assert (writes, reads, rewrites) == (2, 1, 0)


def test_a_changed_list_of_people_costs_membership_writes_only(world: World) -> None:
    handles = world.run(sync_groups, tenant_of(world, person(ALICE, "admin"), person(BOB, "admin")), ACCOUNT).handles
    mark = world.simulator.mark()

    handles = world.run(sync_groups, tenant_of(world, person(ALICE, "admin"), person(CAROL, "admin")), handles).handles

    assert groups(world) == {name(world, "admin"): [ALICE, CAROL]}
    writes = [call.operation for call in world.simulator.writes_since(mark)]
    assert writes == ["DeleteGroupMembership", "CreateGroupMembership"]
    assert set(handles.users) == {ALICE, CAROL}


def test_several_project_roles_are_united_in_one_aws_role(world: World) -> None:
    both = tuple(PlatformRoleMapping(project_role=role, aws_role="builder") for role in ("admin", "developer"))
    tenant = tenant_of(world, person(ALICE, "admin"), person(BOB, "developer", "admin"), role_mappings=both)

    world.run(sync_groups, tenant, ACCOUNT)

    assert groups(world) == {name(world, "builder"): [ALICE, BOB]}


def test_people_without_access_are_a_remark(world: World) -> None:
    people = [person(ALICE, "admin"), person("nobody@example.com", "admin"), person(None, "reader", name="zoe")]

    outcome = world.run(sync_groups, tenant_of(world, *people), ACCOUNT)

    assert outcome.note == (
        "1 people in 1 groups; not in the identity store: nobody@example.com; without cloud identity: zoe"
    )
    assert groups(world) == {name(world, "admin"): [ALICE]}


def test_what_somebody_changed_by_hand_is_mended(world: World) -> None:
    tenant = tenant_of(world, person(ALICE, "admin"), person(BOB, "admin"))
    handles = world.run(sync_groups, tenant, ACCOUNT).handles
    group = handles.groups[name(world, "admin")].id or ""
    store = directory(world, tenant)
    store.remove(store.members(group)[organization.USERS[ALICE]])
    store.add(group, organization.USERS[DAVE])

    world.run(sync_groups, tenant, handles)

    assert groups(world) == {name(world, "admin"): [ALICE, BOB]}


def test_a_group_deleted_by_hand_is_created_again(world: World) -> None:
    tenant = tenant_of(world, person(ALICE, "admin"))
    handles = world.run(sync_groups, tenant, ACCOUNT).handles
    directory(world, tenant).delete_group(handles.groups[name(world, "admin")].id or "")

    after = world.run(sync_groups, tenant, handles).handles

    assert groups(world) == {name(world, "admin"): [ALICE]}
    assert after.groups[name(world, "admin")].permission_sets == ()


def test_a_user_id_that_aws_knows_no_more_is_looked_up_again(world: World) -> None:
    tenant = tenant_of(world, person(ALICE, "admin"))
    stale = replace(ACCOUNT, users={ALICE: "1234567890-00000000-0000-4000-8000-00000000dead"})

    outcome = world.run(sync_groups, tenant, stale)

    assert groups(world) == {name(world, "admin"): [ALICE]}
    assert outcome.handles.users == {ALICE: organization.USERS[ALICE]}


def test_a_user_who_is_gone_from_the_identity_store_is_a_remark(world: World) -> None:
    gone = "gone@example.com"
    stale = replace(ACCOUNT, users={gone: "1234567890-00000000-0000-4000-8000-00000000dead"})

    outcome = world.run(sync_groups, tenant_of(world, person(gone, "admin")), stale)

    assert "not in the identity store: gone@example.com" in outcome.note
    assert outcome.handles.users == {}


def test_after_a_loss_of_redis_everything_is_found_again(world: World) -> None:
    tenant = tenant_of(world, person(ALICE, "admin"), person(BOB, "reader"))
    handles = world.run(sync_groups, tenant, ACCOUNT).handles

    outcome, _, writes = world.counted(sync_groups, tenant, ACCOUNT)

    unknown = {key: replace(group, permission_sets=None) for key, group in handles.groups.items()}
    assert outcome.handles == replace(handles, groups=unknown)
    assert writes == 0


def test_a_group_that_could_not_be_looked_up_does_not_count_as_absent(world: World) -> None:
    people = [person(ALICE, "admin"), person(BOB, "reader")]
    world.run(sync_groups, tenant_of(world, *people), ACCOUNT)
    world.simulator.inject(service="identitystore", operation="GetGroupId", times=-1)

    with pytest.raises(Unanswered):
        world.run(sync_groups, tenant_of(world, *people[:1]), ACCOUNT)  # Redis was lost, and with it the handles
    world.simulator.clear_faults()
    world.run(sync_groups, tenant_of(world, *people[:1]), world.remembered[-1])

    assert groups(world)[name(world, "reader")] == []


@pytest.mark.parametrize("operation", ["CreateGroup", "CreateGroupMembership", "DeleteGroupMembership"])
def test_a_lost_answer_changes_nothing_in_the_end(world: World, operation: str) -> None:
    handles = world.run(sync_groups, tenant_of(world, person(ALICE, "admin")), ACCOUNT).handles
    tenant = tenant_of(world, person(BOB, "admin"), person(CAROL, "reader"))
    world.simulator.inject(service="identitystore", operation=operation, kind="lost_response")

    with pytest.raises(Unanswered):
        world.run(sync_groups, tenant, handles)
    world.run(sync_groups, tenant, handles)

    assert groups(world) == {name(world, "admin"): [BOB], name(world, "reader"): [CAROL]}


def test_people_are_out_even_when_somebody_cannot_be_added(world: World) -> None:
    people = [person(ALICE, "admin"), person(BOB, "admin"), person(BOB, "reader")]
    handles = world.run(sync_groups, tenant_of(world, *people), ACCOUNT).handles
    world.simulator.deny("identitystore:CreateGroupMembership")

    with pytest.raises(AccessDenied):
        world.run(sync_groups, tenant_of(world, person(ALICE, "admin"), person(CAROL, "admin", "reader")), handles)

    assert groups(world) == {name(world, "admin"): [ALICE], name(world, "reader"): []}


def test_people_are_out_even_when_somebody_cannot_be_looked_up(world: World) -> None:
    handles = world.run(sync_groups, tenant_of(world, person(ALICE, "admin"), person(BOB, "admin")), ACCOUNT).handles
    world.simulator.deny("identitystore:GetUserId")

    with pytest.raises(AccessDenied):
        world.run(sync_groups, tenant_of(world, person(ALICE, "admin"), person(CAROL, "admin")), handles)

    assert groups(world) == {name(world, "admin"): [ALICE]}
    assert BOB in world.remembered[-1].users


def test_one_group_that_cannot_be_read_keeps_nobody_in_another(world: World) -> None:
    people = [person(ALICE, "admin", "reader"), person(BOB, "admin", "reader")]
    handles = world.run(sync_groups, tenant_of(world, *people), ACCOUNT).handles
    broken = handles.groups[name(world, "admin")].id
    world.simulator.inject(
        service="identitystore", operation="ListGroupMemberships", match={"GroupId": broken}, times=1
    )

    with pytest.raises(Unanswered):
        world.run(sync_groups, tenant_of(world, person(ALICE, "admin", "reader")), handles)

    assert groups(world) == {name(world, "admin"): [ALICE, BOB], name(world, "reader"): [ALICE]}


def test_a_role_that_nobody_has_any_more_is_emptied_and_stands(world: World) -> None:
    handles = world.run(sync_groups, tenant_of(world, person(ALICE, "admin", "reader")), ACCOUNT).handles

    after = world.run(sync_groups, tenant_of(world, person(ALICE, "admin")), handles).handles

    assert groups(world) == {name(world, "admin"): [ALICE], name(world, "reader"): []}
    assert after.groups == handles.groups


def test_a_changed_pattern_keeps_the_old_group_but_not_those_who_lost_the_role(world: World) -> None:
    handles = world.run(sync_groups, tenant_of(world, person(ALICE, "admin"), person(BOB, "admin")), ACCOUNT).handles
    changed = tenant_of(
        world, person(ALICE, "admin"), group_name_pattern=pattern("new-#{workspaceIdentifier}-#{platformGroupAlias}")
    )

    after = world.run(sync_groups, changed, handles).handles

    new = f"mst-new-{world.workspace}-admin"
    assert groups(world) == {name(world, "admin"): [ALICE], new: [ALICE]}
    assert {name(world, "admin"), new} <= set(after.groups)


def test_two_aws_roles_must_not_share_a_group(world: World) -> None:
    tenant = tenant_of(world, person(ALICE, "admin"), group_name_pattern=pattern("#{workspaceIdentifier}"))

    with pytest.raises(PermanentError, match="would share the group"):
        world.run(sync_groups, tenant, ACCOUNT)

    assert groups(world) == {}


def test_more_members_than_a_page_are_all_seen(world: World) -> None:
    tenant = tenant_of(world, person(ALICE, "admin"))
    handles = world.run(sync_groups, tenant, ACCOUNT).handles
    group = handles.groups[name(world, "admin")].id or ""
    client = world.sessions.management(tenant.platform, "identitystore")
    strangers = []
    with by_hand(world):
        for number in range(101):  # a page holds at most 100
            label = f"{world.workspace}-{number}"
            user = client.create_user(
                IdentityStoreId=organization.IDENTITY_STORE_ID,
                UserName=label,
                DisplayName=label,
                Name={"GivenName": "A", "FamilyName": "B"},
            )
            strangers.append(user["UserId"])
    for stranger in strangers:
        directory(world, tenant).add(group, stranger)

    world.run(sync_groups, tenant, handles)

    assert groups(world) == {name(world, "admin"): [ALICE]}


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
