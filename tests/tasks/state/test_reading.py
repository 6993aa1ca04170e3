"""What is read of tenants and of their replications."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

from tasks.chain import DELETION
from tasks.model.desired import Deletion, Lifecycle, TenantId
from tasks.model.replication import State, StepState
from tasks.state.orders import Order
from tasks.state.outcome import StepRecord
from tasks.state.records import TenantSummary
from tasks.state.store import Store
from tasks.state.tenants import Selection
from tests.support.waiting import eventually
from tests.tasks.state.as_worker import (
    BLOG,
    DEVELOPMENT,
    LEASE,
    PRODUCTION,
    SHOP,
    pump,
    run_one,
    step_done,
    step_failed,
)


def test_idle_tenants_are_those_that_ended_long_ago(store: Store) -> None:
    store.orders.submit(Order(SHOP, DEVELOPMENT))
    run_one(store, step_failed(0))

    assert store.tenants.idle(timedelta(hours=1), 10) == []
    assert eventually(lambda: store.tenants.idle(timedelta(milliseconds=1), 10)) == [SHOP]


def test_tenants_are_listed_by_name_and_prefix(store: Store) -> None:
    for tenant in (SHOP, BLOG, TenantId("other", "shop", "aws.sandbox")):
        store.orders.submit(Order(tenant, DEVELOPMENT))

    assert [str(row.id) for row in store.tenants.listed("likvid.")] == [str(BLOG), str(SHOP)]
    assert len(list(store.tenants.listed())) == 3


def test_a_page_has_what_a_look_at_every_tenant_finds(store: Store) -> None:
    chance = random.Random(7)
    for workspace, project, platform in product(("a", "ab", "b"), ("x", "y", "z"), ("aws.one", "aws.two")):
        tenant = TenantId(workspace, project, platform)
        store.orders.submit(Order(tenant, chance.choice((DEVELOPMENT, PRODUCTION))))
        store.orders.submit(Order(tenant, chance.choice((DEVELOPMENT, PRODUCTION))))
    # Those that are due in the same millisecond come in any order.
    for dispatch in sorted(pump(store), key=lambda each: each.tenant)[::2]:
        assert store.work.begin(dispatch, "me", LEASE)
        assert store.work.record(dispatch.replication, "me", chance.choice((step_failed(0), step_done(0, last=True))))
    for tenant in chance.sample([row.id for row in store.tenants.listed()], 6):
        store.orders.delete(tenant, Deletion(requested_at=datetime.now(UTC)))
    for dispatch in [each for each in pump(store) if each.chain is DELETION][:2]:
        assert store.work.begin(dispatch, "me", LEASE)
        assert store.work.record(dispatch.replication, "me", step_done(0, last=True))
    kept, again, *_ = [row.id for row in store.tenants.listed() if row.marked and not row.deleted]
    store.orders.restore(kept)
    store.orders.submit(Order(again, DEVELOPMENT))
    everyone = list(store.tenants.listed())
    assert {lifecycle_of(row) for row in everyone} == set(Lifecycle)
    times = sorted(row.updated_at for row in everyone)
    values: dict[str, tuple[Any, ...]] = {
        "workspace": (None, "a", "b", "none"),
        "project": (None, "x"),
        "platform": (None, "aws.two"),
        "landing_zone": (None, "development"),
        "state": (None, State.FAILED, State.QUEUED),
        "updated_since": (None, times[7], times[-1] + timedelta(seconds=1)),
        "lifecycle": (None, *Lifecycle),
    }
    for chosen in product(*values.values()):
        selection = Selection(**dict(zip(values, chosen, strict=True)))
        fitting = [row for row in everyone if fits(row, selection)]

        found = [store.tenants.page(selection, first, 5) for first in range(0, 20, 5)]

        assert [row for page, _ in found for row in page] == fitting, selection
        assert {total for _, total in found} == {len(fitting)}


def lifecycle_of(row: TenantSummary) -> Lifecycle:
    if row.deleted:
        return Lifecycle.DELETED
    return Lifecycle.MARKED_FOR_DELETION if row.marked else Lifecycle.ACTIVE


def fits(row: TenantSummary, wanted: Selection) -> bool:
    pairs = [
        (wanted.workspace, row.id.workspace),
        (wanted.project, row.id.project),
        (wanted.platform, row.id.platform),
        (wanted.landing_zone, row.landing_zone),
        (wanted.state, row.state),
        (wanted.lifecycle, lifecycle_of(row)),
    ]
    since = wanted.updated_since is None or row.updated_at >= wanted.updated_since
    return since and all(value in (None, actual) for value, actual in pairs)


def test_a_page_costs_the_same_of_many_tenants(store: Store, redis: Any) -> None:
    def commands() -> int:
        before = sum(each["calls"] for each in redis.info("commandstats").values())
        for selection in (Selection(), Selection(workspace="likvid"), Selection(state=State.QUEUED)):
            assert len(store.tenants.page(selection, 0, 5)[0]) == 5
        return int(sum(each["calls"] for each in redis.info("commandstats").values()) - before)

    def order(numbers: range) -> None:
        for number in numbers:
            store.orders.submit(Order(TenantId("likvid", f"p{number}", "aws.sandbox"), DEVELOPMENT))

    order(range(5))
    assert commands()  # the script is loaded
    few = commands()
    order(range(5, 300))

    assert commands() == few


def test_history_is_kept_as_long_as_the_records(store: Store, redis: Any) -> None:
    ids = []
    for by in ("ada", None, "bob"):
        ids.append(store.orders.submit(Order(SHOP, DEVELOPMENT, by=by)))
        document = StepState(name="create_account", state=State.FAILED)
        run_one(store, StepRecord(0, document, State.FAILED))
    redis.delete(f"connector:replication:{ids[0]}")  # as the retention does
    newest = store.orders.submit(Order(SHOP, DEVELOPMENT))

    found = store.replications.history(SHOP, 10)

    assert [each.id for each in found] == [newest, ids[2], ids[1]]
    assert [each.requested_by for each in found] == [None, "bob", None]
    assert [each.id for each in store.replications.history(SHOP, 1)] == [newest]
    assert redis.zcard(f"connector:history:{SHOP}") == 3
    assert redis.ttl(f"connector:history:{SHOP}") > timedelta(days=365).total_seconds()
    assert store.orders.cancel(newest)
    assert redis.ttl(f"connector:history:{SHOP}") <= timedelta(days=1).total_seconds()


def test_the_history_ends_with_the_retention_and_never_what_is_under_way(redis: Any) -> None:
    store = Store(redis, retention=timedelta(seconds=0.3), history=100)
    first = store.orders.submit(Order(SHOP, DEVELOPMENT, by="ada"))
    [dispatch] = pump(store)
    assert store.work.begin(dispatch, "me", LEASE)
    second = store.orders.submit(Order(SHOP, PRODUCTION))
    assert [each.id for each in store.replications.history(SHOP, 9)] == [second, first]
    assert store.work.record(first, "me", step_failed(0))

    eventually(lambda: [each.id for each in store.replications.history(SHOP, 9)] == [second])
    run_one(store, step_failed(0))
    third = store.orders.submit(Order(SHOP, DEVELOPMENT))
    assert first not in (kept := redis.zrange(f"connector:history:{SHOP}", 0, -1))
    assert third in kept
    run_one(store, step_failed(0))

    eventually(lambda: store.replications.history(SHOP, 9) == [])
    assert redis.keys("connector:history:*") == redis.keys("connector:replication:*") == []
    assert store.tenants.find(SHOP) is not None
