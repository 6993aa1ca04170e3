"""The store's promises: nothing forgotten, nothing twice, newest content wins, stale messages do nothing."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tasks.chain import REPLICATION
from tasks.model.desired import Desired, TenantId
from tasks.model.handles import Handles
from tasks.model.replication import LastError, State, StepState
from tasks.state.orders import Order
from tasks.state.outcome import Dispatch, StepRecord
from tasks.state.store import Store
from tests.support.waiting import eventually

SHOP = TenantId("likvid", "shop", "aws.sandbox")
BLOG = TenantId("likvid", "blog", "aws.sandbox")
DEVELOPMENT = Desired(landing_zone="development")
PRODUCTION = Desired(landing_zone="production")
LEASE = timedelta(seconds=30)
SHORT = timedelta(milliseconds=40)


def pump(store: Store, room: int = 100, lease: timedelta = LEASE) -> list[Dispatch]:
    return store.work.pump("queue", room, lease, timedelta(minutes=10), "worker-1")


def step_done(index: int, *, last: bool = False, handles: Handles | None = None) -> StepRecord:
    now = datetime.now(UTC)
    name = REPLICATION.steps[index].name
    document = StepState(name=name, state=State.SUCCEEDED, note="done", attempts=1, ended_at=now)
    state = State.SUCCEEDED if last else State.RUNNING
    return StepRecord(step=index, document=document, state=state, due=LEASE, advance=True, handles=handles)


def step_failed(index: int) -> StepRecord:
    error = LastError(code="AccessDenied", message="no", request_id="r-1", remedy="allow it")
    document = StepState(name=REPLICATION.steps[index].name, state=State.FAILED, attempts=1, last_error=error)
    return StepRecord(step=index, document=document, state=State.FAILED, error=error)


def run_one(store: Store, outcome: StepRecord) -> Dispatch:
    [dispatch] = pump(store)
    assert store.work.begin(dispatch, "me", LEASE)
    assert store.work.record(dispatch.replication, "me", outcome)
    return dispatch


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
    assert not store.work.renew(replication, "dead", LEASE, Handles(account_id="000000000000"))
    assert not store.work.record(replication, "dead", step_done(0, handles=Handles(account_id="000000000000")))
    record = store.tenants.find(SHOP)
    assert record is not None
    assert record.handles == Handles()


def test_a_renewed_lease_is_not_due(store: Store, redis: Any) -> None:
    replication = store.orders.submit(Order(SHOP, DEVELOPMENT))
    [first] = pump(store)
    assert store.work.begin(first, "me", SHORT)

    assert store.work.renew(replication, "me", LEASE, Handles(email="a@example.com"))
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


def test_cancel_before_anybody_began_ends_it_at_once(store: Store) -> None:
    replication = store.orders.submit(Order(SHOP, DEVELOPMENT))

    assert store.orders.cancel(replication) is State.QUEUED

    assert pump(store) == []
    assert _state(store, replication) is State.CANCELLED


def test_cancel_while_running_waits_for_the_record_and_keeps_what_aws_gave(store: Store) -> None:
    replication = store.orders.submit(Order(SHOP, DEVELOPMENT))
    [dispatch] = pump(store)
    assert store.work.begin(dispatch, "me", LEASE)

    assert store.orders.cancel(replication) is State.RUNNING
    assert _state(store, replication) is State.RUNNING
    assert store.work.record(replication, "me", step_done(0, handles=Handles(account_id="123456789012")))

    assert _state(store, replication) is State.CANCELLED
    record = store.tenants.find(SHOP)
    assert record is not None
    assert record.handles.account_id == "123456789012"


def test_cancel_of_what_a_dead_worker_ran(store: Store) -> None:
    replication = store.orders.submit(Order(SHOP, DEVELOPMENT))
    [dispatch] = pump(store)
    assert store.work.begin(dispatch, "dead", SHORT)
    store.orders.cancel(replication)

    eventually(lambda: pump(store) == [] and _state(store, replication) is State.CANCELLED)


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
    assert _state(store, replication) is State.FAILED


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


def test_what_has_ended_or_is_unknown_takes_no_place_that_nobody_would_give_back(store: Store) -> None:
    first, second = store.orders.submit(Order(SHOP, DEVELOPMENT)), store.orders.submit(Order(BLOG, DEVELOPMENT))
    store.orders.cancel(first)

    assert store.limits.enter("lane", "shop", first, 1) is None
    assert store.limits.enter("lane", "lost", "lost with Redis", 1) is None
    assert store.limits.enter("lane", "blog", second, 1) == -1


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


def test_replicating_again_never_brings_older_content_back(store: Store) -> None:
    store.orders.submit(Order(SHOP, DEVELOPMENT))
    run_one(store, step_failed(0))
    store.orders.submit(Order(SHOP, PRODUCTION))

    store.orders.submit(Order(SHOP, wake=True))

    record = store.tenants.find(SHOP)
    assert record is not None
    assert record.desired == PRODUCTION


def test_a_lost_message_is_sent_again_without_growing_delay_while_the_queue_is_empty(store: Store, redis: Any) -> None:
    store.orders.submit(Order(SHOP, DEVELOPMENT))
    for _ in range(4):
        [dispatch] = eventually(lambda: pump(store, lease=SHORT))
        seconds, micros = redis.time()
        score = float(redis.zscore("connector:due", dispatch.replication))
        assert score - (seconds * 1000 + micros / 1000) <= SHORT.total_seconds() * 1000


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


def _state(store: Store, replication: str) -> State:
    found = store.replications.find(replication)
    assert found is not None
    return found.state
