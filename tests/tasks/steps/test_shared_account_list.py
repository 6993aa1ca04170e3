"""The accounts of an organization are listed by one for all who look for theirs."""

from __future__ import annotations

from collections import Counter

import pytest
from redis import Redis

from tasks.aws import Lane
from tasks.errors import AccessDenied, LaneFull, NotOurs
from tasks.model.handles import Handles
from tasks.organization.account_lists import SharedAccountLists
from tasks.state.store import Store
from tasks.steps.create_account import create_account
from tests.tasks.steps.world import World
from workers.sandbox import organization

ROOT = organization.MANAGEMENT_ACCOUNT_ID
LANE = f"{Lane.ACCOUNT_LIST} in {ROOT}"


@pytest.fixture
def world(world: World, store: Store) -> World:
    """Let the world share what it lists, as workers do."""
    world.lists = SharedAccountLists(store, ROOT)
    return world


def operations(world: World, mark: int) -> Counter[str]:
    return Counter(call.operation for call in world.simulator.calls(mark))


def test_tenants_whose_records_were_lost_find_their_accounts_by_one_list(world: World, redis: Redis) -> None:
    tenants = [world.tenant(project) for project in ("one", "two", "three")]
    ids = [world.created(tenant).account_id for tenant in tenants]
    redis.flushall()
    mark = world.simulator.mark()

    first = world.run(create_account, tenants[0], Handles())
    pages = operations(world, mark)["ListAccounts"]
    others = [world.run(create_account, tenant, Handles()) for tenant in tenants[1:]]

    assert [outcome.handles.account_id for outcome in (first, *others)] == ids
    assert operations(world, mark)["ListAccounts"] == pages > 0


def test_what_a_list_of_the_last_minutes_names_is_read_afresh(world: World) -> None:
    world.run(create_account, world.tenant("other"))  # it has listed
    tenant = world.tenant()
    email = f"aws+{world.workspace}.shop@example.com"
    stranger = world.simulator.operator("create_account", name="somebody's", email=email, tags={})["account"]
    world.lists.share(world.aws(tenant).list_accounts(), world.now(), world.now())
    assert world.lists.find(email, "") == frozenset({stranger})

    with pytest.raises(NotOurs, match="has no tag that names a tenant"):
        world.run(create_account, tenant)


def test_while_one_lists_the_others_wait(world: World) -> None:
    world.places.enter(LANE, "another.tenant", 1)
    mark = world.simulator.mark()

    with pytest.raises(LaneFull, match="waiting for the list of accounts"):
        world.run(create_account, world.tenant())
    assert operations(world, mark)["ListAccounts"] == 0

    world.places.leave(LANE, "another.tenant")
    world.run(create_account, world.tenant())
    assert world.places.taken[LANE] == []


def test_who_could_not_list_keeps_nobody_waiting(world: World) -> None:
    world.simulator.inject(operation="ListAccounts", kind="error", code="AccessDeniedException", status=400, times=1)

    with pytest.raises(AccessDenied):
        world.run(create_account, world.tenant())

    assert world.places.taken[LANE] == []
