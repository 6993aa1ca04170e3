"""Gates: who is refused for the same reason waits together, and one probes for all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import inf

from redis import Redis

from tasks.chain import REPLICATION
from tasks.model.desired import TenantId
from tasks.model.replication import State, StepState
from tasks.state.orders import Order
from tasks.state.outcome import Dispatch, StepRecord
from tasks.state.store import Store
from tests.tasks.state.as_worker import BLOG, DEVELOPMENT, LEASE, PRODUCTION, SHOP, pump

GATE = "quota of accounts"
HOUR = timedelta(hours=1)


def refused(store: Store, dispatch: Dispatch, holder: str, *, again: bool = False) -> None:
    """Record that AWS has refused what it would refuse to all."""
    document = StepState(name=REPLICATION.steps[0].name, state=State.WAITING, attempts=1)
    record = StepRecord(step=0, document=document, state=State.WAITING, due=HOUR, parked=True, gate=GATE, again=again)
    assert store.work.record(dispatch.replication, holder, record)


def given_up(store: Store, dispatch: Dispatch, holder: str) -> None:
    """Record that AWS has refused it until its deadline."""
    document = StepState(name=REPLICATION.steps[0].name, state=State.FAILED, attempts=1)
    record = StepRecord(step=0, document=document, state=State.FAILED, let_in=False)
    assert store.work.record(dispatch.replication, holder, record)


def let_in(store: Store, dispatch: Dispatch, holder: str) -> None:
    """Record that AWS has accepted it."""
    document = StepState(name=REPLICATION.steps[0].name, state=State.SUCCEEDED, attempts=1)
    record = StepRecord(step=0, document=document, state=State.SUCCEEDED)
    assert store.work.record(dispatch.replication, holder, record)


def due_in(redis: Redis, dispatch: Dispatch) -> float:
    """Return in how many seconds a replication is looked at; infinity: when others have passed the gate."""
    score = redis.zscore("connector:due", dispatch.replication)
    assert score is not None
    seconds, microseconds = redis.time()
    return inf if score == inf else score / 1000 - seconds - microseconds / 1e6


def test_one_probes_and_looks_at_once_when_somebody_orders_again_even_while_it_runs(store: Store, redis: Redis) -> None:
    store.orders.submit(Order(SHOP, DEVELOPMENT))
    store.orders.submit(Order(BLOG, DEVELOPMENT))
    probe, other = sorted(pump(store), key=lambda dispatch: dispatch.tenant, reverse=True)  # shop, blog
    for dispatch in (probe, other):
        assert store.work.begin(dispatch, dispatch.replication, LEASE)
        refused(store, dispatch, dispatch.replication)
    assert 3500 < due_in(redis, probe) <= 3600
    assert due_in(redis, other) == inf

    redis.zadd("connector:due", {probe.replication: 0})
    [again] = pump(store)
    assert store.work.begin(again, "me", LEASE)
    store.orders.submit(Order(BLOG, PRODUCTION))  # AWS may accept from now on; the probe's call was before
    refused(store, again, "me")

    assert due_in(redis, probe) <= 0


def test_a_probe_that_is_refused_until_its_deadline_hands_on_to_one_and_wakes_no_others(
    store: Store, redis: Redis
) -> None:
    for tenant in (SHOP, BLOG, TenantId("likvid", "wiki", "aws.sandbox")):
        store.orders.submit(Order(tenant, DEVELOPMENT))
    probe, *others = pump(store)
    for dispatch in (probe, *others):
        assert store.work.begin(dispatch, dispatch.replication, LEASE)
        refused(store, dispatch, dispatch.replication)

    redis.zadd("connector:due", {probe.replication: 0})
    [again] = pump(store)
    assert store.work.begin(again, "me", LEASE)
    given_up(store, again, "me")

    assert [due_in(redis, other) <= 0 for other in others] == [True, False]


def test_people_are_told_that_one_which_was_refused_goes_on_but_not_of_each_try(store: Store, redis: Redis) -> None:
    store.orders.submit(Order(SHOP, DEVELOPMENT))
    for attempt in range(3):
        [dispatch] = pump(store)
        assert store.work.begin(dispatch, f"try {attempt}", LEASE)
        refused(store, dispatch, f"try {attempt}", again=attempt > 0)
        redis.zadd("connector:due", {dispatch.replication: 0})
    [dispatch] = pump(store)
    assert store.work.begin(dispatch, "the last", LEASE)
    document = StepState(name=REPLICATION.steps[0].name, state=State.SUCCEEDED, attempts=4)
    goes_on = StepRecord(step=0, document=document, state=State.RUNNING, due=LEASE, advance=True, following=1)
    assert store.work.record(dispatch.replication, "the last", goes_on)

    told = [each["state"] for each in store.events.newest(SHOP, 100) if each["type"] == "replication"]
    assert told == ["RUNNING", "WAITING", "RUNNING", "QUEUED"], "the newest first"


def test_it_is_known_since_when_a_gate_is_closed_and_how_many_wait(store: Store, redis: Redis) -> None:
    store.orders.submit(Order(SHOP, DEVELOPMENT))
    store.orders.submit(Order(BLOG, DEVELOPMENT))
    assert store.limits.gates() == {}
    probe, other = pump(store)
    for dispatch in (probe, other):
        assert store.work.begin(dispatch, dispatch.replication, LEASE)
        refused(store, dispatch, dispatch.replication)
    redis.hset("connector:gates", GATE, "1000")  # long ago
    assert store.work.begin(probe, "again", LEASE) is None
    redis.zadd("connector:due", {probe.replication: 0})
    [again] = pump(store)
    assert store.work.begin(again, "me", LEASE)
    refused(store, again, "me")
    assert store.limits.gates() == {GATE: (datetime.fromtimestamp(1, UTC), 2)}

    redis.zadd("connector:due", {other.replication: 0})
    [again] = pump(store)
    assert store.work.begin(again, "me", LEASE)
    let_in(store, again, "me")
    assert store.limits.gates() == {}
