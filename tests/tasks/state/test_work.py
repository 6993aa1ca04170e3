"""What is due is taken by one worker at a time, stale messages do nothing, and a dead worker's work goes on."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tasks.model.desired import TenantId
from tasks.model.handles import Handles
from tasks.model.replication import State, StepState
from tasks.state.orders import Order
from tasks.state.outcome import StepRecord
from tasks.state.store import Store
from tasks.state.work import Renewal
from tests.support.waiting import eventually
from tests.tasks.state.as_worker import BLOG, DEVELOPMENT, LEASE, SHOP, SHORT, pump, run_one, step_done


def test_an_older_dispatch_another_step_and_a_second_delivery_do_nothing(store: Store) -> None:
    store.orders.submit(Order(SHOP, DEVELOPMENT))
    [old] = pump(store, lease=SHORT)
    [new] = eventually(lambda: pump(store))
    assert new.number == old.number + 1

    assert store.work.begin(old, "late", LEASE) is None
    assert store.work.begin(replace(new, step=1), "elsewhere", LEASE) is None
    assert store.work.begin(new, "first", LEASE) is not None
    assert store.work.begin(new, "twice", LEASE) is None


def test_what_a_dead_worker_ran_is_continued_and_its_late_answer_is_refused(store: Store) -> None:
    replication = store.orders.submit(Order(SHOP, DEVELOPMENT))
    [first] = pump(store)
    assert store.work.begin(first, "dead", SHORT)

    [second] = eventually(lambda: pump(store))

    assert second.number == first.number + 1
    assert store.work.begin(second, "alive", LEASE)
    late = store.work.renew(replication, "dead", LEASE, Handles(account_id="000000000000"))
    assert late is Renewal.LOST
    assert not store.work.record(replication, "dead", step_done(0, handles=Handles(account_id="000000000000")))
    record = store.tenants.find(SHOP)
    assert record is not None
    assert record.handles == Handles()


def test_a_renewed_lease_is_not_due(store: Store, redis: Any) -> None:
    replication = store.orders.submit(Order(SHOP, DEVELOPMENT))
    [first] = pump(store)
    assert store.work.begin(first, "me", SHORT)

    assert store.work.renew(replication, "me", LEASE, Handles(email="a@example.com")) is Renewal.KEPT
    redis.blpop("nothing", timeout=0.06)  # longer than the first lease, by Redis's own clock

    assert pump(store) == []
    record = store.tenants.find(SHOP)
    assert record is not None
    assert record.handles.email == "a@example.com"


def test_a_long_queue_gets_no_more_messages(store: Store, redis: Any) -> None:
    for number in range(50):
        store.orders.submit(Order(TenantId("likvid", f"p{number}", "aws.sandbox"), DEVELOPMENT))
    redis.rpush("queue", *range(28))

    assert len(pump(store, room=32)) == 4
    redis.rpush("queue", *range(4))
    assert pump(store, room=32) == []


def test_a_message_that_nobody_takes_is_given_twice_the_time_each_time(store: Store, redis: Any) -> None:
    store.orders.submit(Order(SHOP, DEVELOPMENT))
    redis.rpush("queue", "a message before ours")
    given = []
    for _ in range(3):
        [dispatch] = pump(store)
        seconds, _ = redis.time()
        given.append(redis.zscore("connector:due", dispatch.replication) / 1000 - seconds)
        redis.zadd("connector:due", {dispatch.replication: 0})  # that time has passed

    lease = LEASE.total_seconds()
    assert given == pytest.approx([lease, 2 * lease, 4 * lease], abs=5)


def test_a_lost_message_is_sent_again_without_growing_delay_while_the_queue_is_empty(store: Store, redis: Any) -> None:
    store.orders.submit(Order(SHOP, DEVELOPMENT))
    for _ in range(4):
        [dispatch] = eventually(lambda: pump(store, lease=SHORT))
        seconds, micros = redis.time()
        score = float(redis.zscore("connector:due", dispatch.replication))
        assert score - (seconds * 1000 + micros / 1000) <= SHORT.total_seconds() * 1000


def test_a_message_is_used_once(store: Store) -> None:
    replication = store.orders.submit(Order(SHOP, DEVELOPMENT))
    [dispatch] = pump(store)
    assert store.work.begin(dispatch, "first", LEASE)
    document = StepState(name="create_account", state=State.WAITING)
    assert store.work.record(
        replication, "first", StepRecord(step=0, document=document, state=State.WAITING, due=timedelta(hours=1))
    )

    assert store.work.begin(dispatch, "the same message again", LEASE) is None


def test_a_begin_whose_answer_was_lost_is_asked_again(store: Store) -> None:
    store.orders.submit(Order(SHOP, DEVELOPMENT))
    [dispatch] = pump(store)
    assert store.work.begin(dispatch, "me", LEASE)

    assert store.work.begin(dispatch, "me", LEASE)


def test_a_record_whose_answer_was_lost_is_made_once_and_its_chain_goes_on(store: Store, redis: Any) -> None:
    replication = store.orders.submit(Order(SHOP, DEVELOPMENT))
    [dispatch] = pump(store)
    assert store.work.begin(dispatch, "me", LEASE)
    assert store.work.record(replication, "me", step_done(0))
    events = redis.xlen("connector:events:" + str(SHOP))

    assert store.work.record(replication, "me", step_done(0))

    assert redis.xlen("connector:events:" + str(SHOP)) == events
    assert store.work.begin(replace(dispatch, step=1), "the chain's next message", LEASE)
    assert store.work.record(replication, "me", step_done(0)), "also when another one runs already"
    assert store.work.record(replication, "the chain's next message", step_done(1))
    assert not store.work.record(replication, "me", step_done(0))


def test_every_transition_is_an_event(store: Store, redis: Any) -> None:
    store.orders.submit(Order(SHOP, DEVELOPMENT))
    run_one(store, step_done(0))

    entries = redis.xrange(f"connector:events:{SHOP}")
    events = [json.loads(entry["data"]) for _, entry in entries]
    assert [(event["type"], event["state"]) for event in events] == [
        ("replication", "QUEUED"),
        ("replication", "RUNNING"),
        ("step", "RUNNING"),
        ("step", "SUCCEEDED"),
    ]


def test_what_has_ended_or_is_unknown_takes_no_place_that_nobody_would_give_back(store: Store) -> None:
    first, second = store.orders.submit(Order(SHOP, DEVELOPMENT)), store.orders.submit(Order(BLOG, DEVELOPMENT))
    store.orders.cancel(first)

    assert store.limits.enter("lane", "shop", first, 1) is None
    assert store.limits.enter("lane", "lost", "lost with Redis", 1) is None
    assert store.limits.enter("lane", "blog", second, 1) == -1
