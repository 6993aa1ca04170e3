"""A paused tenant takes orders and runs nothing; resumed it goes on where it stood."""

from __future__ import annotations

from dataclasses import replace

from tasks.model.desired import TenantId
from tasks.model.replication import State
from tasks.state.orders import Order
from tasks.state.store import Store
from tests.tasks.state.as_worker import BLOG, DEVELOPMENT, LEASE, PRODUCTION, SHOP, pump, step_done

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
