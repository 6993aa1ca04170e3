"""A group is changed, given people, assigned or deleted only when it proves to be this tenant's and this role's.

Every case holds for the Identity Store API, and for SCIM whether or not AWS shows an externalId again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from config.platform import PlatformRoleMapping
from tasks.aws.session import Sessions
from tasks.errors import NotOurs, NotReady, PermanentError, Throttled, Unanswered
from tasks.model.desired import Tenant, TenantId
from tasks.model.handles import Group, Handles
from tasks.model.replication import Done
from tasks.permissions.group_proof import GroupProof
from tasks.permissions.groups import without_people
from tasks.steps.assign_permission_sets import assign_permission_sets
from tasks.steps.delete_groups import delete_groups
from tasks.steps.revoke_access import revoke_access
from tasks.steps.sync_groups import sync_groups
from tasks.steps.withdraw_access import withdraw_access
from tests.support.waiting import eventually
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
from workers.sandbox import organization
from workers.sandbox.client import SimulatorClient

ROLES = tuple(
    PlatformRoleMapping(project_role=role, aws_role=role, permission_set_arns=(arn,))
    for role, arn in (
        ("admin", organization.ADMIN_PERMISSION_SET_ARN),
        ("dev-admin", organization.READER_PERMISSION_SET_ARN),
    )
)
ANOTHER = organization.AUTOMATION_ACCOUNT_ID  # an account of somebody else


@pytest.fixture(params=["identitystore", "scim", "scim hidden"])
def world(request: pytest.FixtureRequest, simulator: SimulatorClient, sessions: Sessions) -> DirectoryWorld:
    service, _, hidden = request.param.partition(" ")
    simulator.set_options(scim_shows_external_ids=not hidden)
    return DirectoryWorld(simulator, sessions, workspace=f"w{uuid4().hex[:10]}", service=service)


def project(world: DirectoryWorld, name: str, *people: dict[str, object]) -> Tenant:
    """Return a tenant of a project of this test's workspace, on a platform with roles that may be confused."""
    platform = world.directory_platform(role_mappings=ROLES)
    return world.tenant(name, desired={"access": list(people)}, platform=platform)


def marks(world: DirectoryWorld) -> dict[str, str | None]:
    found = world.simulator.state()["identity_store"]["groups"]
    return {group["name"]: group["mark"] for group in found if world.workspace in group["name"]}


def shown(world: DirectoryWorld) -> bool:
    """Whether AWS shows whose a group is that is not ours."""
    return bool(world.simulator.options()["scim_shows_external_ids"]) or world.service == "identitystore"


def change(world: DirectoryWorld, group: Group, **attributes: object) -> None:
    """Let somebody change a group by hand."""
    world.simulator.operator("change_group", group=group.id, attributes=attributes)


def unmark(world: DirectoryWorld, group: Group, mark: str = "by hand") -> None:
    """Let somebody write something else where the proof stood."""
    external = {"ExternalIds": [{"Issuer": f"https://scim.aws.com/{organization.IDENTITY_STORE_ID}", "Id": mark}]}
    change(world, group, **({"Description": mark} if world.service == "identitystore" else external))


def later(world: DirectoryWorld) -> None:
    """Let so much time pass that AWS shows everything that was done."""
    world.ahead += world.aws(project(world, "shop")).visibility_grace


def assigned(world: DirectoryWorld, group: str) -> set[tuple[str, str]]:
    rows = world.simulator.state()["identity_center"]["assignments"]
    return {(row["AccountId"], row["PermissionSetArn"]) for row in rows if row["PrincipalId"] == group}


def assign(world: DirectoryWorld, tenant: Tenant, group: str, account: str | None, arn: str) -> None:
    """Let somebody assign a permission set by hand."""
    access = world.aws(tenant).account_assignments.account(organization.INSTANCE_ARN, account or "")
    access.assign(group, arn)
    eventually(lambda: (account, arn) in assigned(world, group))


@pytest.fixture
def optional_rights(simulator: SimulatorClient) -> None:
    """Let the role adopt groups and delete assignments; tests/policies sees that the published policies suffice."""
    simulator.set_options(enforce_policies=False)


def left_by_the_replicator(world: DirectoryWorld, role: str, members: Iterable[str] = ()) -> str:
    """Make a group as meshStack's own replicator did: named like ours, without a proof."""
    made = world.simulator.operator("add_group", name=name(world, role), user_names=list(members))
    return str(made["group"])


def test_a_new_group_names_its_tenant_and_its_role(world: DirectoryWorld) -> None:
    tenant = project(world, "shop", person(ALICE, "dev-admin"))

    world.run(sync_groups, tenant, ACCOUNT)

    mark = f"meshstack.tenant.{world.workspace}.shop.aws.sandbox.role.dev-admin"
    assert marks(world) == {name(world, "dev-admin"): mark}


def test_two_projects_whose_groups_would_have_one_name(world: DirectoryWorld) -> None:
    first = project(world, "shop-dev", person(ALICE, "admin"))
    second = project(world, "shop", person(BOB, "dev-admin"))
    world.run(sync_groups, first, ACCOUNT)

    mark = world.simulator.mark()
    with pytest.raises(NotOurs) as refused:
        world.run(sync_groups, second, ACCOUNT)

    assert world.simulator.writes_since(mark) == []
    assert groups(world) == {name(world, "dev-admin"): [ALICE]}
    assert refused.value.code == "ForeignGroup"
    assert f"tenant {second.id}, AWS role dev-admin" in refused.value.message
    if shown(world):
        assert f"belongs to tenant {first.id}, AWS role admin, not to" in refused.value.message
        assert "groupNamePattern" in refused.value.remedy


def test_the_first_one_goes_on_and_neither_deletion_touches_the_other(world: DirectoryWorld) -> None:
    first = project(world, "shop-dev", person(ALICE, "admin"))
    second = project(world, "shop", person(BOB, "dev-admin"))
    account = world.account(first)
    handles = world.finish(assign_permission_sets, first, world.run(sync_groups, first, account).handles).handles
    with pytest.raises(NotOurs):
        world.run(sync_groups, second, ACCOUNT)

    for step in (revoke_access, delete_groups):
        assert world.finish(step, second, replace(ACCOUNT, groups={})).handles.groups.get(name(world, "x")) is None
    assert groups(world) == {name(world, "dev-admin"): [ALICE]}
    world.finish(delete_groups, first, world.finish(revoke_access, first, handles).handles)
    assert groups(world) == {}
    world.run(sync_groups, second, ACCOUNT)
    assert groups(world) == {name(world, "dev-admin"): [BOB]}


@pytest.mark.parametrize("other", ["platform", "case"])
def test_two_tenants_that_only_their_platform_or_the_case_of_a_name_tells_apart(
    world: DirectoryWorld, other: str
) -> None:
    first = project(world, "shop", person(ALICE, "admin"))
    second = project(world, "shop", person(BOB, "admin"))
    if other == "case":
        shouting = pattern("#{workspaceIdentifier:%S}.#{projectIdentifier:%S}-#{platformGroupAlias}")
        changed = world.directory_platform(role_mappings=ROLES, group_name_pattern=shouting)
        second = world.tenant("shop", desired={"access": [person(BOB, "admin")]}, platform=changed)
    second = replace(second, id=TenantId(world.workspace, "shop", "other.sandbox"))
    world.run(sync_groups, first, ACCOUNT)

    with pytest.raises(NotOurs, match=r"other\.sandbox, AWS role admin"):
        world.run(sync_groups, second, ACCOUNT)

    assert groups(world) == {name(world, "admin"): [ALICE]}


def test_a_group_that_nothing_proves_is_left_alone(world: DirectoryWorld) -> None:
    left_by_the_replicator(world, "admin", [DAVE])

    mark = world.simulator.mark()
    with pytest.raises(NotOurs) as refused:
        world.run(sync_groups, tenant_of(world, person(ALICE, "admin")), ACCOUNT)

    assert world.simulator.writes_since(mark) == []
    assert groups(world) == {name(world, "admin"): [DAVE]}
    assert name(world, "admin") in refused.value.message
    assert "adoptGroups: true" in refused.value.remedy


def test_one_that_nobody_needs_is_a_remark(world: DirectoryWorld) -> None:
    left_by_the_replicator(world, "reader", [DAVE])

    outcome = world.run(sync_groups, tenant_of(world, person(ALICE, "admin")), ACCOUNT)

    assert groups(world) == {name(world, "admin"): [ALICE], name(world, "reader"): [DAVE]}
    assert (
        outcome.note
        == f"1 person in 1 group; left unchanged, because they are not this tenant's: {name(world, 'reader')}"
    )


def test_who_lost_a_role_is_out_of_our_groups_although_another_group_is_not_ours(world: DirectoryWorld) -> None:
    handles = world.run(sync_groups, tenant_of(world, person(ALICE, "admin"), person(BOB, "admin")), ACCOUNT).handles
    world.simulator.operator("fill_group", group=handles.groups[name(world, "admin")].id, user_names=[DAVE])
    left_by_the_replicator(world, "reader")
    forgotten = replace(handles, groups={key: each for key, each in handles.groups.items() if each.id})

    with pytest.raises(NotOurs):
        world.run(sync_groups, tenant_of(world, person(ALICE, "admin"), person(CAROL, "reader")), forgotten)

    assert groups(world) == {name(world, "admin"): [ALICE], name(world, "reader"): []}


def test_a_remembered_group_that_somebody_gave_to_another_is_not_used(world: DirectoryWorld) -> None:
    tenant = tenant_of(world, person(ALICE, "admin"))
    handles = world.run(sync_groups, tenant, ACCOUNT).handles
    other = GroupProof(f"{world.workspace}.other.aws.sandbox", "admin").text
    unmark(world, handles.groups[name(world, "admin")], other)
    later(world)

    for people in ([person(ALICE, "admin"), person(BOB, "admin")], []):
        with pytest.raises(NotOurs, match="admin"):
            world.run(sync_groups, tenant_of(world, *people), handles)

    assert groups(world) == {name(world, "admin"): [ALICE]}


def test_a_remembered_group_that_somebody_renamed_loses_people_and_gets_none(world: DirectoryWorld) -> None:
    tenant = tenant_of(world, person(ALICE, "admin"), person(BOB, "admin"))
    handles = world.run(sync_groups, tenant, ACCOUNT).handles
    change(world, handles.groups[name(world, "admin")], DisplayName=f"{world.workspace} kept")

    handles = world.run(sync_groups, tenant_of(world, person(ALICE, "admin")), handles).handles
    assert groups(world) == {f"{world.workspace} kept": [ALICE]}
    with pytest.raises(NotOurs) as refused:
        world.run(sync_groups, tenant_of(world, person(ALICE, "admin"), person(CAROL, "admin")), handles)

    assert refused.value.code == "GroupRenamed"
    assert groups(world) == {f"{world.workspace} kept": [ALICE]}


def test_a_remembered_group_that_somebody_replaced_is_not_used(world: DirectoryWorld) -> None:
    tenant = tenant_of(world, person(ALICE, "admin"))
    handles = world.run(sync_groups, tenant, ACCOUNT).handles
    world.aws(tenant).directory.delete_group(handles.groups[name(world, "admin")].id or "")
    left_by_the_replicator(world, "admin", [DAVE])

    with pytest.raises(NotReady):  # it might be the one that we were about to make
        world.run(sync_groups, tenant, handles)
    later(world)
    with pytest.raises(NotOurs):
        world.run(sync_groups, tenant, world.remembered[-1])

    assert groups(world) == {name(world, "admin"): [DAVE]}


def test_a_role_that_took_another_roles_name_does_not_get_its_group(world: DirectoryWorld) -> None:
    def of(role: str, *people: str) -> Tenant:
        mapping = (PlatformRoleMapping(project_role="admin", aws_role=role),)
        names = pattern("#{workspaceIdentifier}.#{projectIdentifier}")
        access = [person(each, "admin") for each in people]
        return tenant_of(world, *access, role_mappings=mapping, group_name_pattern=names)

    handles = world.run(sync_groups, of("admin", ALICE, BOB), ACCOUNT).handles

    with pytest.raises(NotOurs, match=r"AWS role admin, not to .* AWS role owner"):
        world.run(sync_groups, of("owner", ALICE), handles)

    assert groups(world) == {f"mst-{world.workspace}.shop": [ALICE]}  # who lost it is out all the same


def test_what_the_order_takes_away_is_taken_from_our_groups_only(world: DirectoryWorld) -> None:
    handles = world.run(sync_groups, tenant_of(world, person(ALICE, "admin"), person(BOB, "reader")), ACCOUNT).handles
    other = GroupProof(f"{world.workspace}.other.aws.sandbox", "admin").text
    unmark(world, handles.groups[name(world, "admin")], other)
    later(world)

    with pytest.raises(NotOurs, match="admin"):
        world.run(withdraw_access, tenant_of(world), handles)

    assert groups(world) == {name(world, "admin"): [ALICE], name(world, "reader"): []}


@pytest.mark.parametrize("since", [timedelta(), timedelta(minutes=2)])
def test_who_was_about_to_be_put_in_is_not_taken_out_of_a_group_that_is_not_ours(
    world: DirectoryWorld, since: timedelta
) -> None:
    """A worker died before it made the group, and somebody else has made one of that name since."""
    ahead = Group("admin", None, people=(ALICE,), put_in_at=world.now() - since)
    handles = replace(ACCOUNT, users={ALICE: organization.USERS[ALICE]}, groups={name(world, "admin"): ahead})
    left_by_the_replicator(world, "admin", [ALICE])

    if since:
        assert isinstance(world.run(withdraw_access, tenant_of(world), handles), Done)
    else:  # it might be the one that we have made
        with pytest.raises(NotReady):
            world.run(withdraw_access, tenant_of(world), handles)

    assert groups(world) == {name(world, "admin"): [ALICE]}


def test_nothing_is_assigned_to_a_group_that_proves_nothing_any_more(world: DirectoryWorld) -> None:
    tenant = tenant_of(world, person(ALICE, "admin"))
    handles = world.run(sync_groups, tenant, world.account(tenant)).handles
    unmark(world, handles.groups[name(world, "admin")])
    later(world)

    mark = world.simulator.mark()
    with pytest.raises(NotOurs):
        world.run(assign_permission_sets, tenant, handles)

    assert world.simulator.writes_since(mark) == []


@pytest.mark.usefixtures("optional_rights")
def test_a_group_that_proves_nothing_any_more_is_not_deleted(world: DirectoryWorld) -> None:
    tenant = tenant_of(world, person(ALICE, "admin"), person(BOB, "reader"))
    handles = world.finish(assign_permission_sets, tenant, given(world, tenant)).handles
    unmark(world, handles.groups[name(world, "admin")])
    later(world)

    with pytest.raises(NotOurs):
        world.finish(delete_groups, tenant, handles)

    assert groups(world) == {name(world, "admin"): [ALICE]}
    assert assigned(world, handles.groups[name(world, "admin")].id or "") == set()  # what we gave is taken back


def given(world: DirectoryWorld, tenant: Tenant) -> Handles:
    return world.run(sync_groups, tenant, world.account(tenant)).handles


def adopting(world: DirectoryWorld, *people: dict[str, object]) -> Tenant:
    return tenant_of(world, *people, adopt_groups=True)


@pytest.mark.usefixtures("optional_rights")
def test_with_the_operators_word_a_group_of_the_replicator_becomes_ours(world: DirectoryWorld) -> None:
    tenant = adopting(world, person(ALICE, "admin"))
    account = world.account(tenant)
    group = left_by_the_replicator(world, "admin", [ALICE, DAVE])
    assign(world, tenant, group, account.account_id, organization.READER_PERMISSION_SET_ARN)

    handles = world.run(sync_groups, tenant, account).handles
    world.finish(assign_permission_sets, tenant, handles)

    assert handles.groups[name(world, "admin")].id == group
    assert marks(world) == {name(world, "admin"): GroupProof(str(tenant.id), "admin").text}
    assert groups(world) == {name(world, "admin"): [ALICE]}
    assert assigned(world, group) == {(account.account_id, organization.ADMIN_PERMISSION_SET_ARN)}


@pytest.mark.usefixtures("optional_rights")
def test_an_adoption_that_aws_does_not_show_yet_is_waited_for(world: DirectoryWorld) -> None:
    tenant = adopting(world, person(ALICE, "admin"))
    account = world.account(tenant)
    group = left_by_the_replicator(world, "admin")
    assign(world, tenant, group, account.account_id, organization.READER_PERMISSION_SET_ARN)
    world.simulator.delay(kind="group", operation="PatchGroup" if world.service == "scim" else "UpdateGroup")

    handles = world.run(sync_groups, tenant, account).handles
    with pytest.raises(NotReady, match="does not show yet whose"):
        world.run(assign_permission_sets, tenant, handles)
    world.simulator.show_everything()
    world.finish(assign_permission_sets, tenant, handles)

    assert assigned(world, group) == {(account.account_id, organization.ADMIN_PERMISSION_SET_ARN)}


@pytest.mark.usefixtures("optional_rights")
def test_one_of_a_role_that_nobody_has_is_adopted_emptied_and_deleted(world: DirectoryWorld) -> None:
    tenant = adopting(world)
    account = world.account(tenant)
    group = left_by_the_replicator(world, "admin", [DAVE])
    assign(world, tenant, group, account.account_id, organization.ADMIN_PERMISSION_SET_ARN)

    handles = world.run(sync_groups, tenant, account).handles
    assert groups(world) == {name(world, "admin"): []}
    world.finish(assign_permission_sets, tenant, handles)

    assert groups(world) == {}
    assert assigned(world, group) == set()


@pytest.mark.usefixtures("optional_rights")
def test_one_that_is_assigned_elsewhere_too_is_not_adopted(world: DirectoryWorld) -> None:
    tenant = adopting(world, person(ALICE, "admin"))
    account = world.account(tenant)
    group = left_by_the_replicator(world, "admin", [DAVE])
    for where in (account.account_id, ANOTHER):
        assign(world, tenant, group, where, organization.READER_PERMISSION_SET_ARN)

    mark = world.simulator.mark()
    with pytest.raises(NotOurs, match=f"carries no proof and is also assigned in {ANOTHER}"):
        world.run(sync_groups, tenant, account)

    assert world.simulator.writes_since(mark) == []
    assert groups(world) == {name(world, "admin"): [DAVE]}


@pytest.mark.usefixtures("optional_rights")
def test_one_that_is_assigned_nowhere_is_adopted_where_aws_shows_that_it_has_no_proof(world: DirectoryWorld) -> None:
    tenant = adopting(world, person(ALICE, "admin"))
    left_by_the_replicator(world, "admin", [DAVE])

    if world.service == "identitystore":
        world.run(sync_groups, tenant, ACCOUNT)
    else:
        with pytest.raises(NotOurs, match="is assigned nowhere"):
            world.run(sync_groups, tenant, ACCOUNT)

    assert groups(world)[name(world, "admin")] == ([ALICE] if world.service == "identitystore" else [DAVE])


@pytest.mark.usefixtures("optional_rights")
def test_what_is_another_tenants_is_never_adopted(world: DirectoryWorld) -> None:
    first = tenant_of(world, person(ALICE, "admin"))
    world.run(sync_groups, first, ACCOUNT)
    second = replace(adopting(world, person(BOB, "admin")), id=TenantId(world.workspace, "shop", "other.sandbox"))

    with pytest.raises(NotOurs):
        world.run(sync_groups, second, ACCOUNT)

    assert groups(world) == {name(world, "admin"): [ALICE]}
    assert marks(world) == {name(world, "admin"): GroupProof(str(first.id), "admin").text}


@pytest.mark.usefixtures("optional_rights")
def test_a_group_that_changes_while_it_is_adopted_is_looked_at_again(world: DirectoryWorld) -> None:
    if world.service != "identitystore":
        pytest.skip("SCIM has no revisions")
    tenant = adopting(world, person(ALICE, "admin"))
    group = left_by_the_replicator(world, "admin")
    found = world.aws(tenant).directory.find_group(name(world, "admin"), "x")
    assert found is not None
    change(world, Group("admin", group), Description="meshstack.tenant.a.b.c.d.role.e")

    with pytest.raises(PermanentError, match="not to"):
        world.run(sync_groups, tenant, ACCOUNT)
    with pytest.raises(Throttled, match="stale"):
        world.aws(tenant).directory.mark_group(found, "x")


@pytest.mark.usefixtures("optional_rights")
@pytest.mark.parametrize("fault", ["lost_response", "reset"])
def test_an_adoption_whose_answer_is_lost_is_done_once(world: DirectoryWorld, fault: str) -> None:
    tenant = adopting(world, person(ALICE, "admin"))
    account = world.account(tenant)
    group = left_by_the_replicator(world, "admin", [DAVE])
    assign(world, tenant, group, account.account_id, organization.ADMIN_PERMISSION_SET_ARN)
    operation = {"identitystore": "UpdateGroup", "scim": "PatchGroup"}[world.service]
    world.simulator.inject(service=world.service, operation=operation, kind=fault)

    with pytest.raises(Unanswered):
        world.run(sync_groups, tenant, account)
    world.run(sync_groups, tenant, account)

    assert groups(world) == {name(world, "admin"): [ALICE]}
    assert marks(world) == {name(world, "admin"): GroupProof(str(tenant.id), "admin").text}


@pytest.mark.usefixtures("optional_rights")
def test_a_deletion_takes_people_out_of_what_it_adopts(world: DirectoryWorld) -> None:
    tenant = adopting(world, person(ALICE, "admin"))
    account = world.account(tenant)
    group = left_by_the_replicator(world, "admin", [DAVE])
    assign(world, tenant, group, account.account_id, organization.ADMIN_PERMISSION_SET_ARN)

    handles = world.run(revoke_access, without_people(tenant), account).handles

    assert groups(world) == {name(world, "admin"): []}
    world.finish(delete_groups, tenant, handles)
    assert groups(world) == {}


@pytest.mark.parametrize(
    ("tenant", "role"),
    [
        ("likvid.shop.aws.sandbox", "admin"),
        ("likvid.role.aws.sandbox", "dev-admin"),
        ("likvid.shop.aws_2.sand box", "Cloud Team/Ädmin"),
        ("role.role.role.role", "role"),
    ],
)
def test_what_is_written_is_read_again(tenant: str, role: str) -> None:
    proof = GroupProof(tenant, role)

    assert GroupProof.read(proof.text) == proof
    assert proof.text.isascii()


@pytest.mark.parametrize("text", [None, "", "admin of likvid.shop, managed by meshStack", "meshstack.tenant.a.role."])
def test_other_texts_prove_nothing(text: str | None) -> None:
    assert GroupProof.read(text) is None
