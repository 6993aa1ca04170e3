"""What is read of tenants and of their replications."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tasks.model.desired import TenantId
from tasks.model.replication import State, StepState
from tasks.state.orders import Order
from tasks.state.outcome import StepRecord
from tasks.state.store import Store
from tests.support.waiting import eventually
from tests.tasks.state.as_worker import BLOG, DEVELOPMENT, LEASE, PRODUCTION, SHOP, pump, run_one, step_failed


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
