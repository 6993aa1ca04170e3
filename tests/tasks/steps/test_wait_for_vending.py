"""wait_for_vending: the account's tags tell when somebody else's vending machine has finished."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from config.platform import ExternalVending
from tasks.errors import AccessDenied, PermanentError
from tasks.model.desired import Tenant
from tasks.model.handles import Handles
from tasks.model.replication import Done, Wait
from tasks.steps.wait_for_vending import RAREST, wait_for_vending
from tests.tasks.steps.world import World

VENDING = ExternalVending()


def waited_for(world: World, vending: ExternalVending = VENDING) -> Tenant:
    return world.tenant(platform={"external_vending": vending})


def tag(world: World, handles: Handles, **tags: str) -> None:
    world.simulator.operator("tag_account", account=handles.account_id, tags=tags)


def test_a_platform_that_waits_for_none_costs_no_call(world: World) -> None:
    outcome, reads, writes = world.counted(wait_for_vending, world.tenant(), Handles())

    assert (outcome, reads, writes) == (Done(Handles(), "no account vending machine configured"), 0, 0)


def test_it_waits_for_both_tags_with_one_read_a_look(world: World) -> None:
    tenant = waited_for(world)
    handles = world.account(tenant)

    outcome, reads, writes = world.counted(wait_for_vending, tenant, handles)
    assert isinstance(outcome, Wait)
    assert f"ProductName={world.workspace} and Stage=shop" in outcome.note
    assert (reads, writes) == (1, 0)

    tag(world, handles, ProductName=world.workspace, Stage="other")
    outcome = world.run(wait_for_vending, tenant, outcome.handles)
    assert isinstance(outcome, Wait)
    assert "Stage=shop" in outcome.note
    assert "ProductName" not in outcome.note

    tag(world, handles, Stage="shop")
    done, reads, writes = world.counted(wait_for_vending, tenant, outcome.handles)
    assert done == Done(handles, "the vending machine has finished with the account")
    assert world.counted(wait_for_vending, tenant, done.handles) == (done, 1, 0)


def test_the_tags_are_those_of_the_platform(world: World) -> None:
    tenant = waited_for(world, VENDING.model_copy(update={"workspace_tag": "vended:for", "project_tag": "vended:as"}))
    handles = world.account(tenant)
    tag(world, handles, **{"vended:for": world.workspace, "vended:as": "shop"})

    assert isinstance(world.run(wait_for_vending, tenant, handles), Done)


def test_looks_become_rarer(world: World) -> None:
    tenant = waited_for(world, VENDING.model_copy(update={"deadline": timedelta(days=1)}))
    first = world.run(wait_for_vending, tenant, world.account(tenant))
    assert isinstance(first, Wait)
    paces = []
    for minutes in (0, 5, 10, 600):
        world.ahead = timedelta(minutes=minutes)
        outcome = world.run(wait_for_vending, tenant, first.handles)
        assert isinstance(outcome, Wait)
        paces.append(outcome.retry_in)

    assert paces[0] is None
    assert timedelta(seconds=29) < (paces[1] or RAREST) < timedelta(seconds=35)
    assert timedelta(seconds=59) < (paces[2] or RAREST) < timedelta(seconds=65)
    assert paces[3] == RAREST


def test_after_the_deadline_it_fails_and_the_next_replication_waits_anew(world: World) -> None:
    tenant = waited_for(world, VENDING.model_copy(update={"deadline": timedelta(minutes=30)}))
    first = world.run(wait_for_vending, tenant, world.account(tenant))
    world.ahead = timedelta(minutes=30, seconds=1)

    with pytest.raises(PermanentError) as caught:
        world.run(wait_for_vending, tenant, first.handles)

    assert caught.value.code == "VendingOverdue"
    assert "within 30 minutes" in caught.value.message
    assert "externalAvm.deadlineMinutes" in caught.value.remedy
    assert world.remembered[-1] == replace(first.handles, vending_since=None)
    assert isinstance(world.run(wait_for_vending, tenant, world.remembered[-1]), Wait)


def test_a_denied_read_is_told(world: World) -> None:
    tenant = waited_for(world)
    handles = world.account(tenant)
    world.simulator.deny("organizations:ListTagsForResource")

    with pytest.raises(AccessDenied):
        world.run(wait_for_vending, tenant, handles)
