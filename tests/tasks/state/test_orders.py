"""What is asked for is never forgotten and never done twice, and the newest content wins."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from redis import Redis

from tasks.model.desired import Desired
from tasks.model.handles import Handles
from tasks.model.replication import State, StepState
from tasks.state.orders import Order
from tasks.state.outcome import StepRecord
from tasks.state.store import Store
from tests.support.waiting import eventually
from tests.tasks.state.as_worker import (
    DEVELOPMENT,
    LEASE,
    PRODUCTION,
    SHOP,
    SHORT,
    pump,
    run_one,
    state_of,
    step_done,
    step_failed,
)


def test_the_same_content_while_under_way_is_one_replication(store: Store) -> None:
    with ThreadPoolExecutor(8) as pool:
        ids = set(pool.map(lambda _: store.orders.submit(Order(SHOP, DEVELOPMENT)), range(40)))

    assert len(ids) == 1
    assert [dispatch.replication for dispatch in pump(store)] == list(ids)


def test_the_order_of_keys_is_no_difference(store: Store) -> None:
    first = Desired.model_validate({"landingZone": "development", "project": {"tags": {"a": ["1"], "b": ["2"]}}})
    second = Desired.model_validate({"project": {"tags": {"b": ["2"], "a": ["1"]}}, "landingZone": "development"})

    assert store.orders.submit(Order(SHOP, first)) == store.orders.submit(Order(SHOP, second))


def test_other_content_before_anybody_began_replaces_it(store: Store) -> None:
    first = store.orders.submit(Order(SHOP, DEVELOPMENT))

    assert store.orders.submit(Order(SHOP, PRODUCTION)) == first
    [dispatch] = pump(store)
    begun = store.work.begin(dispatch, "me", LEASE)
    assert begun is not None
    assert begun.desired == PRODUCTION


def test_other_content_while_running_runs_next_and_only_the_newest(store: Store) -> None:
    first = store.orders.submit(Order(SHOP, DEVELOPMENT))
    [dispatch] = pump(store)
    assert store.work.begin(dispatch, "me", LEASE)

    second = store.orders.submit(Order(SHOP, PRODUCTION))
    newest = Desired(landing_zone="production", tenant_platform_number=7)
    assert store.orders.submit(Order(SHOP, newest)) == second != first
    assert pump(store) == []
    assert store.work.record(first, "me", step_failed(0))

    [following] = pump(store)
    assert following.replication == second
    begun = store.work.begin(following, "me", LEASE)
    assert begun is not None
    assert begun.desired == newest


def test_the_same_content_after_the_end_is_a_new_replication(store: Store) -> None:
    first = store.orders.submit(Order(SHOP, DEVELOPMENT))
    run_one(store, step_failed(0))

    assert store.orders.submit(Order(SHOP, DEVELOPMENT)) != first


def test_asking_again_wakes_what_waits(store: Store) -> None:
    first = store.orders.submit(Order(SHOP, DEVELOPMENT))
    document = StepState(name="create_account", state=State.WAITING)
    run_one(store, StepRecord(step=0, document=document, state=State.WAITING, due=timedelta(hours=1)))

    assert store.orders.submit(Order(SHOP, DEVELOPMENT)) == first
    assert pump(store) == []
    assert store.orders.submit(Order(SHOP, DEVELOPMENT, wake=True)) == first
    assert [dispatch.replication for dispatch in pump(store)] == [first]


def test_replicating_again_never_brings_older_content_back(store: Store) -> None:
    store.orders.submit(Order(SHOP, DEVELOPMENT))
    run_one(store, step_failed(0))
    store.orders.submit(Order(SHOP, PRODUCTION))

    store.orders.submit(Order(SHOP, wake=True))

    record = store.tenants.find(SHOP)
    assert record is not None
    assert record.desired == PRODUCTION


def test_cancel_before_anybody_began_ends_it_at_once(store: Store) -> None:
    replication = store.orders.submit(Order(SHOP, DEVELOPMENT))

    assert store.orders.cancel(replication) is State.QUEUED

    assert pump(store) == []
    assert state_of(store, replication) is State.CANCELLED


def test_cancel_while_running_waits_for_the_record_and_keeps_what_aws_gave(store: Store) -> None:
    replication = store.orders.submit(Order(SHOP, DEVELOPMENT))
    [dispatch] = pump(store)
    assert store.work.begin(dispatch, "me", LEASE)

    assert store.orders.cancel(replication) is State.RUNNING
    assert state_of(store, replication) is State.RUNNING
    assert store.work.record(replication, "me", step_done(0, handles=Handles(account_id="123456789012")))

    assert state_of(store, replication) is State.CANCELLED
    record = store.tenants.find(SHOP)
    assert record is not None
    assert record.handles.account_id == "123456789012"


def test_cancel_of_what_a_dead_worker_ran(store: Store) -> None:
    replication = store.orders.submit(Order(SHOP, DEVELOPMENT))
    [dispatch] = pump(store)
    assert store.work.begin(dispatch, "dead", SHORT)
    store.orders.cancel(replication)

    eventually(lambda: pump(store) == [] and state_of(store, replication) is State.CANCELLED)


def test_a_new_order_after_cancel_runs(store: Store) -> None:
    first = store.orders.submit(Order(SHOP, DEVELOPMENT))
    [dispatch] = pump(store)
    assert store.work.begin(dispatch, "me", LEASE)
    store.orders.cancel(first)

    second = store.orders.submit(Order(SHOP, DEVELOPMENT))
    assert second != first
    assert store.work.record(first, "me", step_done(0))

    assert [dispatch.replication for dispatch in pump(store)] == [second]


def test_cancel_of_an_unknown_or_ended_replication(store: Store) -> None:
    replication = store.orders.submit(Order(SHOP, DEVELOPMENT))
    run_one(store, step_failed(0))

    assert store.orders.cancel("unknown") is None
    assert store.orders.cancel(replication) is State.FAILED
    assert state_of(store, replication) is State.FAILED


def test_a_newer_order_runs_every_step(store: Store) -> None:
    replication = store.orders.submit(Order(SHOP, DEVELOPMENT))
    [dispatch] = pump(store)
    assert store.work.begin(dispatch, "me", LEASE)
    following = store.orders.submit(Order(SHOP, first=(dispatch.chain, 3)))
    assert following != replication
    shown = store.replications.find(following)
    assert shown is not None
    # The first one takes access away, whatever is asked for.
    assert [step.state for step in shown.steps[:4]] == [State.QUEUED, State.CANCELLED, State.CANCELLED, State.QUEUED]
    assert shown.steps[1].note == f"skipped: it was to begin with {dispatch.chain.steps[3].name}"

    assert store.orders.submit(Order(SHOP, Desired(landing_zone="production"))) == following
    assert store.work.record(replication, "me", StepRecord(0, StepState(name="create_account"), State.FAILED))
    [next_dispatch] = pump(store)
    assert (next_dispatch.replication, next_dispatch.step) == (following, 0)


def test_one_that_was_not_begun_is_not_shortened(store: Store) -> None:
    replication = store.orders.submit(Order(SHOP, DEVELOPMENT))
    [dispatch] = pump(store)

    assert store.orders.submit(Order(SHOP, first=(dispatch.chain, 3))) == replication
    assert store.work.begin(dispatch, "me", LEASE)


def test_the_events_of_a_new_tenant_take_no_more_memory_than_they_need(store: Store, redis: Redis) -> None:
    store.orders.submit(Order(SHOP, PRODUCTION))
    [events] = redis.keys("*:events:*")
    assert (redis.memory_usage(events, samples=0) or 0) < 1024  # Redis reserves 4 KiB for a new stream
    assert [event["state"] for event in store.events.newest(SHOP, 2)] == ["QUEUED"]


def test_a_user_of_redis_who_may_not_copy_keys_orders_all_the_same(store: Store, redis: Redis) -> None:
    redis.acl_setuser("default", commands=["-copy"])
    try:
        store.orders.submit(Order(SHOP, PRODUCTION))
    finally:
        redis.acl_setuser("default", enabled=True, categories=["+@all"])
    assert [event["state"] for event in store.events.newest(SHOP, 2)] == ["QUEUED"]
