"""Role mappings: what platform and landing zone say decides the groups, their people and their permission sets."""

from __future__ import annotations

from config.java_format import JavaFormat
from config.landing_zone import LandingZoneRoleMapping
from tasks.model.desired import Tenant
from tasks.model.handles import Handles
from tasks.model.replication import Done
from tasks.steps.assign_permission_sets import assign_permission_sets
from tasks.steps.sync_groups import sync_groups
from tests.tasks.steps.world import PLATFORM, World
from workers.sandbox import organization

PEOPLE = [
    {"username": "alice", "euid": "alice@example.com", "roles": ["admin"]},
    {"username": "bob", "euid": "bob@example.com", "roles": ["developer", "auditor"]},
]


def overridden(world: World, *pairs: tuple[str, str]) -> Tenant:
    mappings = tuple(LandingZoneRoleMapping(project_role=one, platform_role=other) for one, other in pairs)
    return world.tenant(desired={"access": PEOPLE}, landing_zone={"role_mappings": mappings})


def groups(world: World) -> dict[str, list[str]]:
    """Members by the AWS roles of this test's groups."""
    found = world.simulator.state()["identity_store"]["groups"]
    return {group["name"].rpartition("-")[2]: group["members"] for group in found if world.workspace in group["name"]}


def test_a_landing_zones_mappings_replace_the_platforms(world: World) -> None:
    """The platform maps admin and reader; here several roles share the group of reader, and admin is not mapped."""
    tenant = overridden(world, ("developer", "reader"), ("auditor", "reader"), ("reader", "reader"))
    handles = world.account(tenant)

    done = world.run(sync_groups, tenant, handles)
    assigned = world.finish(assign_permission_sets, tenant, done.handles)
    _, _, writes = world.counted(sync_groups, tenant, assigned.handles)

    assert groups(world) == {"reader": ["bob@example.com"]}
    (group,) = assigned.handles.groups.values()
    assert group.permission_sets == (organization.READER_PERMISSION_SET_ARN,)
    assert writes == 0


def test_another_platform_role_makes_the_new_group_work_before_the_old_one_goes(world: World) -> None:
    first = overridden(world, ("developer", "reader"))
    handles = world.finish(sync_groups, first, world.account(first)).handles
    handles = world.finish(assign_permission_sets, first, handles).handles
    second = overridden(world, ("developer", "admin"))

    handles = world.run(sync_groups, second, handles).handles
    between = groups(world)
    done = world.finish(assign_permission_sets, second, handles)

    assert set(between) == {"reader", "admin"}
    assert groups(world) == {"admin": ["bob@example.com"]}
    assert isinstance(done, Done)


def test_people_are_found_by_what_the_euid_pattern_makes(world: World) -> None:
    store = PLATFORM.identity_store
    assert store is not None
    changed = store.model_copy(update={"euid_pattern": JavaFormat.parse("%s@example.com")})
    people = [
        {"username": "a", "euid": "alice", "roles": ["admin"]},
        {"username": "b", "euid": "no", "roles": ["admin"]},
    ]
    tenant = world.tenant(desired={"access": people}, platform={"identity_store": changed})

    outcome = world.run(sync_groups, tenant, Handles(account_id="123456789012"))

    assert outcome.note == "1 person in 1 group; not in the identity store: no@example.com"
    assert groups(world) == {"admin": ["alice@example.com"]}
