"""The connector's own clock: whatever Redis's does, nothing stands still for it, and nothing happens twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tasks.model.replication import State, StepState
from tasks.state.orders import Order
from tasks.state.outcome import StepRecord
from tasks.state.store import Store
from tests.support.waiting import eventually
from tests.tasks.state.as_worker import BLOG, DEVELOPMENT, LEASE, SHOP, SHORT, pump, run_one

TEN_MINUTES = timedelta(minutes=10)
LANE = "operations of StackSet 1"
WAITING = StepState(name="withdraw_access", state=State.WAITING)

Jump = Callable[[timedelta], None]


@pytest.fixture
def jump(store: Store, redis: Any) -> Jump:
    """Set Redis's clock, as far as the connector can tell: it has read another time before."""
    store.now()

    def set_clock(by: timedelta) -> None:
        for field in ("read", "pumped"):
            if redis.hexists("connector:clock", field):
                redis.hincrby("connector:clock", field, -round(by / timedelta(milliseconds=1)))

    return set_clock


def waits(due: timedelta) -> StepRecord:
    return StepRecord(step=0, document=WAITING, state=State.WAITING, due=due)


def test_it_is_redis_clock_at_first(store: Store) -> None:
    assert abs(store.now() - datetime.now(UTC)) < timedelta(seconds=5)


@pytest.mark.parametrize("by", [TEN_MINUTES, -TEN_MINUTES])
def test_what_is_due_soon_is_due_soon(store: Store, jump: Jump, by: timedelta) -> None:
    store.orders.submit(Order(BLOG, DEVELOPMENT))
    run_one(store, waits(timedelta(minutes=1)))
    store.orders.submit(Order(SHOP, DEVELOPMENT))
    dispatch = run_one(store, waits(timedelta(milliseconds=50)))

    jump(by)

    assert [each.replication for each in eventually(lambda: pump(store))] == [dispatch.replication]


@pytest.mark.parametrize("by", [TEN_MINUTES, -TEN_MINUTES])
def test_a_lease_ends_when_nobody_renews_it_and_not_before(store: Store, jump: Jump, by: timedelta) -> None:
    store.orders.submit(Order(SHOP, DEVELOPMENT))
    [dispatch] = pump(store)
    assert store.work.begin(dispatch, "alive", LEASE)
    store.orders.submit(Order(BLOG, DEVELOPMENT))
    [dead] = pump(store)

    jump(by)

    assert pump(store) == [], "nobody else works on what is worked on"
    assert store.work.begin(dead, "dead", SHORT)
    jump(by)
    assert [each.replication for each in eventually(lambda: pump(store))] == [dead.replication]


@pytest.mark.parametrize("by", [TEN_MINUTES, -TEN_MINUTES])
def test_a_place_lingers_as_long_as_ever_and_the_line_keeps_its_order(redis: Any, jump: Jump, by: timedelta) -> None:
    store = Store(redis, timedelta(days=1), 100, linger=timedelta(minutes=1))
    first, second = (store.orders.submit(Order(each, DEVELOPMENT)) for each in (SHOP, BLOG))
    third = store.orders.submit(Order(replace(SHOP, project="third"), DEVELOPMENT))
    assert store.limits.enter(LANE, "first", first, 1) == -1
    assert store.limits.enter(LANE, "second", second, 1) == 0
    store.orders.cancel(first)

    jump(by)

    assert store.limits.enter(LANE, "third", third, 1) == 1, "who comes later stands behind"
    assert store.limits.enter(LANE, "second", second, 1) == 0, "AWS may still work for the first"


def test_it_follows_redis_clock_slowly(store: Store, redis: Any) -> None:
    store.now()
    redis.hincrbyfloat("connector:clock", "at", -600_000)  # as after a jump of ten minutes
    before = store.now()

    for _ in range(100):
        redis.hincrby("connector:clock", "read", -1000)  # a second passes
        store.now()

    passed = (store.now() - before) / timedelta(seconds=1)
    assert 102 <= passed < 106


@pytest.mark.parametrize("others", [False, True])
def test_the_first_look_after_no_worker_was_there_finds_that_time_has_passed(
    store: Store, redis: Any, *, others: bool
) -> None:
    store.orders.submit(Order(SHOP, DEVELOPMENT))
    dispatch = run_one(store, waits(timedelta(minutes=5)))
    redis.zincrby("connector:due", -600_000, dispatch.replication)  # all that was ten minutes ago
    for field in ("at", "read", "pumped"):
        redis.hincrbyfloat("connector:clock", field, -600_000)
    if others:
        assert pump(store) == [], "who looks all the time sees Redis's clock jump"

    taken = store.work.pump("queue", 10, LEASE, LEASE, "new", first=True)

    assert [each.replication for each in taken] == ([] if others else [dispatch.replication])


def test_a_step_is_told_the_time_and_how_late_it_is_looked_at(store: Store, redis: Any) -> None:
    store.orders.submit(Order(SHOP, DEVELOPMENT))
    run_one(store, waits(timedelta()))
    store.pauses.pause(str(SHOP))
    assert pump(store) == []
    redis.blpop("nothing", timeout=0.2)
    store.pauses.resume(str(SHOP))
    [dispatch] = pump(store)

    begun = store.work.begin(dispatch, "me", LEASE)

    assert begun is not None
    assert timedelta(seconds=0.2) <= begun.late < timedelta(seconds=2)
    assert abs(begun.at - store.now()) < timedelta(seconds=1)


def test_what_is_looked_at_in_time_is_not_late(store: Store) -> None:
    store.orders.submit(Order(SHOP, DEVELOPMENT))
    [dispatch] = pump(store)
    begun = store.work.begin(dispatch, "me", LEASE)

    assert begun is not None
    assert begun.late == timedelta()
