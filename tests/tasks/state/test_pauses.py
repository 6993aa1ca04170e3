"""A paused tenant takes orders and runs nothing; resumed it goes on where it stood."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from tasks.model.desired import Desired, TenantId
from tasks.model.replication import State, StepState
from tasks.state.orders import Order
from tasks.state.outcome import StepRecord
from tasks.state.store import Store
from tests.tasks.state.test_store import BLOG, DEVELOPMENT, LEASE, PRODUCTION, SHOP, pump, run_one, step_done

OTHER = TenantId("likvid", "shop", "aws.other")


def state(store: Store, tenant: TenantId) -> State:
    found = store.tenants.find(tenant)
    assert found is not None
    return found.state


def test_a_paused_tenant_stores_orders_and_runs_nothing(store: Store) -> None:
    store.pauses.pause(str(SHOP), by="ops", reason="migration")
    replication = store.orders.submit(Order(SHOP, DEVELOPMENT))
    other = store.orders.submit(Order(BLOG, DEVELOPMENT))

    assert [each.replication for each in pump(store)] == [other]
    assert store.orders.submit(Order(SHOP, PRODUCTION, wake=True)) == replication
    assert pump(store) == []
    record = store.tenants.find(SHOP)
    assert record is not None
    assert record.paused is not None
    assert (record.paused.paused_by, record.paused.reason, record.desired) == ("ops", "migration", PRODUCTION)

    assert store.pauses.resume(str(SHOP))
    assert [each.replication for each in pump(store)] == [replication]
    assert not store.pauses.resume(str(SHOP))
    assert store.pauses.all() == {}


def test_a_step_that_runs_ends_and_the_next_one_does_not_begin(store: Store) -> None:
    replication = store.orders.submit(Order(SHOP, DEVELOPMENT))
    [dispatch] = pump(store)
    assert store.work.begin(dispatch, "me", LEASE)
    store.pauses.pause(str(SHOP))
    assert store.work.record(replication, "me", step_done(0))

    assert store.work.begin(replace(dispatch, step=1), "me", LEASE) is None
    assert state(store, SHOP) is State.WAITING
    assert store.pauses.resume(str(SHOP))

    [again] = pump(store)
    assert (again.replication, again.step) == (replication, 1)
    assert store.work.begin(replace(again, step=1), "me", LEASE)


def test_resuming_leaves_alone_what_a_worker_runs(store: Store) -> None:
    replication = store.orders.submit(Order(SHOP, DEVELOPMENT))
    [dispatch] = pump(store)
    assert store.work.begin(dispatch, "me", LEASE)
    store.pauses.pause("aws.sandbox")
    assert store.pauses.resume("aws.sandbox")

    assert pump(store) == []
    assert store.work.record(replication, "me", step_done(0))


def test_a_platform_and_a_tenant_are_paused_each_by_itself(store: Store) -> None:
    store.pauses.pause("aws.sandbox")
    store.pauses.pause(str(SHOP))
    ids = {tenant: store.orders.submit(Order(tenant, DEVELOPMENT)) for tenant in (SHOP, BLOG, OTHER)}

    assert [each.replication for each in pump(store)] == [ids[OTHER]]
    assert store.pauses.resume("aws.sandbox")
    assert [each.replication for each in pump(store)] == [ids[BLOG]]
    assert store.pauses.resume(str(SHOP))
    assert [each.replication for each in pump(store)] == [ids[SHOP]]


def test_a_paused_replication_keeps_nobody_waiting_for_its_place(store: Store) -> None:
    first, second = store.orders.submit(Order(SHOP, DEVELOPMENT)), store.orders.submit(Order(BLOG, DEVELOPMENT))
    assert store.limits.enter("creations", "blog", second, 1) == -1
    assert store.limits.enter("creations", "shop", first, 1) == 0
    store.pauses.pause(str(SHOP))
    assert [each.replication for each in pump(store)] == [second]
    store.limits.leave("creations", "blog", second)

    assert store.limits.enter("creations", "third", store.orders.submit(Order(OTHER, DEVELOPMENT)), 1) == -1


def test_a_paused_replication_can_be_cancelled(store: Store) -> None:
    store.pauses.pause(str(SHOP))
    replication = store.orders.submit(Order(SHOP, DEVELOPMENT))
    assert pump(store) == []

    assert store.orders.cancel(replication) is State.QUEUED
    assert state(store, SHOP) is State.CANCELLED


def test_history_is_kept_as_long_as_the_records(store: Store, redis: Any) -> None:
    ids = []
    for by in ("ada", None, "bob"):
        ids.append(store.orders.submit(Order(SHOP, DEVELOPMENT, by=by)))
        document = StepState(name="create_account", state=State.FAILED)
        run_one(store, StepRecord(0, document, State.FAILED))
        redis.blpop("nothing", timeout=0.002)  # they are sorted by the millisecond in which they were asked for
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


def test_a_newer_order_runs_every_step(store: Store) -> None:
    replication = store.orders.submit(Order(SHOP, DEVELOPMENT))
    [dispatch] = pump(store)
    assert store.work.begin(dispatch, "me", LEASE)
    following = store.orders.submit(Order(SHOP, first=(dispatch.chain, 3)))
    assert following != replication
    shown = store.replications.find(following)
    assert shown is not None
    assert [step.state for step in shown.steps[:4]] == [State.CANCELLED] * 3 + [State.QUEUED]
    assert shown.steps[0].note == f"skipped: it was to begin with {dispatch.chain.steps[3].name}"

    assert store.orders.submit(Order(SHOP, Desired(landing_zone="production"))) == following
    assert store.work.record(replication, "me", StepRecord(0, StepState(name="create_account"), State.FAILED))
    [next_dispatch] = pump(store)
    assert (next_dispatch.replication, next_dispatch.step) == (following, 0)


def test_one_that_was_not_begun_is_not_shortened(store: Store) -> None:
    replication = store.orders.submit(Order(SHOP, DEVELOPMENT))
    [dispatch] = pump(store)

    assert store.orders.submit(Order(SHOP, first=(dispatch.chain, 3))) == replication
    assert store.work.begin(dispatch, "me", LEASE)
