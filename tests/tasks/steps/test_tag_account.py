"""tag_account: our tags are up to date, those of others stay."""

from __future__ import annotations

from typing import Any

import pytest

from config.mapper_text import MapperText
from config.platform import ReplicatedTag, TagMapper, TagSource, TenantTags
from tasks.errors import AccessDenied, NotOurs, PermanentError, Unanswered
from tasks.model.desired import Tenant
from tasks.model.handles import Handles
from tasks.model.replication import Done
from tasks.names import TENANT_TAG
from tasks.steps.tag_account import TagChange, difference, tag_account
from tests.tasks.steps.world import World

FULL = {f"x{number}": "y" for number in range(49)}


def tags_of(world: World, handles: Handles) -> dict[str, str]:
    tags: dict[str, str] = world.simulator.state()["accounts"][handles.account_id]["tags"]
    return tags


def mapped(world: World, desired: dict[str, Any] | None = None, **mappers: str) -> Tenant:
    tag_mappers = tuple(TagMapper(key=key, value=MapperText.parse(text)) for key, text in mappers.items())
    tags = TenantTags(namespace_prefix="mesh_", tag_mappers=tag_mappers)
    return world.tenant(platform={"tenant_tags": tags}, desired=desired)


def test_a_new_account_has_its_tags_already(world: World) -> None:
    handles = world.account(tenant := mapped(world, project="${projectIdentifier}", cost="${paymentName}"))

    outcome, reads, writes = world.counted(tag_account, tenant, handles)

    assert tags_of(world, handles) == {TENANT_TAG: str(tenant.id), "mesh_project": "shop", "mesh_cost": "none"}
    assert outcome == Done(handles, "all 3 tags are up to date")
    assert (reads, writes) == (1, 0)


def test_drift_is_repaired_and_tags_of_others_stay(world: World) -> None:
    handles = world.account(mapped(world, project="${projectIdentifier}", old="text"))
    changes = {"mesh_project": "wrong", "mesh_stale": "x", "team": "theirs", TENANT_TAG: None}
    world.simulator.operator("tag_account", account=handles.account_id, tags=changes)
    tenant = mapped(world, project="${projectIdentifier}", stage="dev")

    outcome, reads, writes = world.counted(tag_account, tenant, handles)
    _, _, again = world.counted(tag_account, tenant, handles)

    desired = {TENANT_TAG: str(tenant.id), "mesh_project": "shop", "mesh_stage": "dev", "team": "theirs"}
    assert tags_of(world, handles) == desired
    assert (reads, writes) == (1, 2)
    assert again == 0
    assert "removed mesh_old, mesh_stale" in outcome.note


def test_a_crash_after_the_write_leaves_nothing_to_do(world: World) -> None:
    handles = world.account(world.tenant())
    tenant = mapped(world, stage="dev")
    world.simulator.inject(operation="TagResource", kind="lost_response")

    with pytest.raises(Unanswered):
        world.run(tag_account, tenant, handles)
    _, _, writes = world.counted(tag_account, tenant, handles)

    assert tags_of(world, handles)["mesh_stage"] == "dev"
    assert writes == 0


def test_an_account_of_another_tenant_is_left_alone(world: World) -> None:
    handles = world.account(world.tenant("first"))

    with pytest.raises(NotOurs):
        world.run(tag_account, world.tenant("second"), handles)


def replicating(world: World, **desired: Any) -> Tenant:
    sources: tuple[tuple[TagSource, str], ...] = (("project", "cost"), ("workspace", "unit"))
    replicated = tuple(ReplicatedTag(source=source, tag=tag, key=tag) for source, tag in sources)
    tags = TenantTags(namespace_prefix="mesh_", replicated=replicated)
    return world.tenant(platform={"tenant_tags": tags}, desired=desired)


def test_tags_of_project_and_workspace_are_replicated_and_go_with_them(world: World) -> None:
    workspace = {"tags": {"unit": ["retail", "R&D"]}}
    tenant = replicating(world, project={"tags": {"cost": ["4711"]}}, workspace=workspace)
    handles = world.account(tenant)
    created = tags_of(world, handles)

    changed = replicating(world, workspace=workspace)
    world.run(tag_account, changed, handles)
    _, _, again = world.counted(tag_account, changed, handles)

    ours = {TENANT_TAG: str(tenant.id), "mesh_unit": "retail/R_D"}
    assert created == ours | {"mesh_cost": "4711"}
    assert tags_of(world, handles) == ours
    assert again == 0


def test_tags_for_which_aws_has_no_room_are_named_the_least_important_first(world: World) -> None:
    handles = world.account(world.tenant())
    theirs = {f"team-{number}": "x" for number in range(48)}
    world.simulator.operator("tag_account", account=handles.account_id, tags=theirs)
    tenant = mapped(world, stage="dev", area="${workspaceIdentifier}", cost="none")

    first = world.run(tag_account, tenant, handles)
    second, _, writes = world.counted(tag_account, tenant, handles)

    ours = {TENANT_TAG: str(tenant.id), "mesh_stage": "dev"}
    assert first.note == "set mesh_stage; AWS allows 50 tags, left out: mesh_area, mesh_cost"
    assert second.note == "all 50 tags are up to date; AWS allows 50 tags, left out: mesh_area, mesh_cost"
    assert writes == 0
    assert tags_of(world, handles) == theirs | ours


def test_a_new_account_gets_no_more_tags_than_aws_allows(world: World) -> None:
    tenant = mapped(world, None, **{f"tag{number}": "x" for number in range(60)})

    handles = world.account(tenant)
    _, _, writes = world.counted(tag_account, tenant, handles)

    assert len(tags_of(world, handles)) == 50
    assert writes == 0


def test_the_tenants_name_needs_room(world: World) -> None:
    handles = world.account(world.tenant())
    theirs = {f"team-{number}": "x" for number in range(50)}
    world.simulator.operator("tag_account", account=handles.account_id, tags={TENANT_TAG: None} | theirs)

    with pytest.raises(PermanentError) as refused:
        world.run(tag_account, mapped(world, stage="dev"), handles)

    assert "50 other tags" in refused.value.message
    assert tags_of(world, handles) == theirs


def test_a_refusal_of_aws_comes_through(world: World) -> None:
    handles = world.account(world.tenant())
    world.simulator.deny("organizations:TagResource")

    with pytest.raises(AccessDenied):
        world.run(tag_account, mapped(world, stage="dev"), handles)


@pytest.mark.parametrize(
    ("desired", "actual", "expected"),
    [
        ({}, {}, TagChange({}, (), 0)),
        ({"o:a": "1"}, {}, TagChange({"o:a": "1"}, (), 1)),
        ({"o:a": "1"}, {"o:a": "1"}, TagChange({}, (), 1)),
        ({"o:a": "1"}, {"o:a": "2", "x": "y"}, TagChange({"o:a": "1"}, (), 2)),
        ({"o:a": ""}, {}, TagChange({"o:a": ""}, (), 1)),
        ({}, {"o:b": "1", "o:a": "1", "x": "y"}, TagChange({}, ("o:a", "o:b"), 1)),
        (dict.fromkeys("abc", "1"), FULL, TagChange({"a": "1"}, (), 50, ("b", "c"))),
        ({"o:a": "1", "o:b": "1"}, FULL | {"o:b": "1"}, TagChange({"o:a": "1"}, ("o:b",), 50, ("o:b",))),
        ({"o:a": "1"}, FULL | {"aws:x": "1"}, TagChange({"o:a": "1"}, (), 50)),
    ],
)
def test_the_difference(desired: dict[str, str], actual: dict[str, str], expected: TagChange) -> None:
    assert difference(desired, actual, lambda key: key.startswith("o:")) == expected
