"""What is replaced goes when its replacement works; what is removed never waits."""

from __future__ import annotations

from config.landing_zone import LandingZoneRoleMapping
from tasks.model.desired import Tenant
from tasks.model.handles import Handles
from tasks.steps.assign_permission_sets import assign_permission_sets
from tasks.steps.sync_groups import sync_groups
from tasks.steps.withdraw_access import withdraw_access
from tests.support.waiting import eventually
from tests.tasks.steps.by_hand import by_hand
from tests.tasks.steps.directory_world import ALICE, BOB, CAROL, pattern
from tests.tasks.steps.test_assign_permission_sets import ADMIN, READER, assignments, finish, mapping, synced, tenant_of
from tests.tasks.steps.world import World

BEFORE = (mapping("admin", ADMIN), mapping("reader", READER))
RENAMED = (mapping("admin", ADMIN, aws_role="owner"), mapping("reader", READER))


def members(world: World) -> dict[str, list[str]]:
    """Return the members by AWS role of this test's groups."""
    found = world.simulator.state()["identity_store"]["groups"]
    return {each["name"].rsplit("-", 1)[-1]: each["members"] for each in found if world.workspace in each["name"]}


def given(world: World, *people: str) -> Handles:
    tenant = tenant_of(world, {each: ["admin"] for each in people}, *BEFORE)
    return finish(world, tenant, synced(world, tenant))


def taken_away(world: World, tenant: Tenant, handles: Handles) -> Handles:
    return world.run(withdraw_access, tenant, handles).handles


def test_a_renamed_role_keeps_its_people_until_the_new_one_works(world: World) -> None:
    handles = given(world, ALICE, BOB)
    renamed = tenant_of(world, {ALICE: ["admin"], CAROL: ["admin"]}, *RENAMED)

    handles = taken_away(world, renamed, handles)
    assert members(world) == {"admin": [ALICE]}  # bob is withdrawn, and waits for nothing

    handles = world.finish(sync_groups, renamed, handles).handles
    assert members(world) == {"admin": [ALICE], "owner": [ALICE, CAROL]}

    world.simulator.set_options(assignment_seconds=600)
    handles = world.run(assign_permission_sets, renamed, handles).handles
    handles = taken_away(world, renamed, handles)
    assert members(world) == {"admin": [ALICE], "owner": [ALICE, CAROL]}
    assert assignments(world, handles) == {("admin", ADMIN)}
    world.simulator.set_options(assignment_seconds=0.05)


def test_when_the_new_one_works_the_old_one_goes(world: World) -> None:
    renamed = tenant_of(world, {ALICE: ["admin"]}, *RENAMED)
    handles = world.finish(sync_groups, renamed, taken_away(world, renamed, given(world, ALICE))).handles

    with by_hand(world):
        handles = finish(world, renamed, handles)

    assert members(world) == {"owner": [ALICE]}
    assert assignments(world, handles) == {("owner", ADMIN)}
    assert world.counted(withdraw_access, renamed, handles)[1:] == (0, 0)


def test_who_loses_the_role_in_the_meantime_is_out_of_both(world: World) -> None:
    renamed = tenant_of(world, {ALICE: ["admin"], BOB: ["admin"]}, *RENAMED)
    handles = world.finish(sync_groups, renamed, taken_away(world, renamed, given(world, ALICE, BOB))).handles
    world.ahead += world.aws(renamed).visibility_grace

    taken_away(world, tenant_of(world, {ALICE: ["admin"]}, *RENAMED), handles)

    assert members(world) == {"admin": [ALICE], "owner": [ALICE]}


def test_a_role_that_works_already_replaces_nothing(world: World) -> None:
    tenant = tenant_of(world, {ALICE: ["admin"], BOB: ["reader"]}, *BEFORE)
    handles = finish(world, tenant, synced(world, tenant))
    fewer = tenant_of(
        world, {ALICE: ["admin"], BOB: ["reader"]}, mapping("admin", READER, aws_role="reader"), BEFORE[1]
    )

    taken_away(world, fewer, handles)

    assert members(world) == {"admin": [], "reader": [BOB]}


def test_a_landing_zone_that_names_its_own_roles_replaces_those_of_the_platform(world: World) -> None:
    handles = given(world, ALICE, BOB)
    zone = {"role_mappings": (LandingZoneRoleMapping(project_role="admin", platform_role="owner"),)}
    access = [{"username": ALICE, "euid": ALICE, "roles": ["admin"]}]

    taken_away(world, world.tenant(desired={"access": access}, landing_zone=zone), handles)

    assert members(world) == {"admin": [ALICE]}


def test_a_permission_set_that_no_mapping_gives_any_more_goes_first_also_from_a_group_of_another_pattern(
    world: World,
) -> None:
    tenant = tenant_of(world, {ALICE: ["admin"]}, mapping("admin", ADMIN, READER))
    handles = finish(world, tenant, synced(world, tenant))
    changed = tenant_of(
        world, {ALICE: ["admin"]}, mapping("admin", READER), group_name_pattern=pattern("#{platformGroupAlias}-new")
    )

    with by_hand(world):
        handles = taken_away(world, changed, handles)
        eventually(lambda: assignments(world, handles) == {("admin", READER)})

    assert members(world) == {"admin": [ALICE]}
