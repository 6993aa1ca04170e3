"""The pump: what nobody works on goes on soon, a backlog does not multiply, two beats and hasty clients do no harm."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event
from time import monotonic
from typing import Any

import pytest

from config.celery import QUEUE
from tasks.model.desired import Desired, TenantId
from tasks.model.replication import State, StepState
from tasks.state.orders import Order
from tasks.state.outcome import Dispatch, StepRecord
from tasks.state.store import Store
from tests.faults.broker import cluster_of, moved, wrong
from tests.support.cluster import ONE_ROLE, PLATFORM, Cluster, desired
from tests.support.redis import forget
from tests.support.waiting import eventually

LEASE = 2  # seconds
SOON = 300  # seconds, on a busy machine; the broker itself gives a message back after an hour
DEVELOPMENT = Desired(landing_zone="development")
HOUR = timedelta(hours=1)
TENANTS = 12  # on two workers of 8 slots


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with cluster_of(tmp_path_factory.mktemp("pump"), workers=1, lease=LEASE) as running:
        yield running


def test_what_a_silent_worker_holds_goes_on_elsewhere_and_its_late_answer_does_nothing(cluster: Cluster) -> None:
    cluster.simulator.inject(service="organizations", operation="MoveAccount", kind="delay", seconds=5, times=1)
    replication = cluster.order("held")
    eventually(lambda: "likvid.held" in moved(cluster))
    [silent] = cluster.workers

    silent.process.send_signal(signal.SIGSTOP)
    try:
        stopped = monotonic()
        cluster.start_worker()
        started = monotonic()
        eventually(lambda: step_of(cluster, replication) > 3)
        assert monotonic() - max(started, stopped + LEASE) < SOON
        cluster.succeeded(replication)
        mark = cluster.simulator.mark()
    finally:
        silent.process.send_signal(signal.SIGCONT)

    eventually(lambda: "another worker has taken over" in silent.log.read_text())
    assert cluster.simulator.writes_since(mark) == []
    assert wrong(cluster, {"held": desired()}) == []


def test_a_hundred_updates_end_with_the_last_accepted_one(cluster: Cluster) -> None:
    roles, names = ("admin", "user", "reader"), ("alice", "bob", "carol", "dave", "erin")
    bodies = [
        desired(
            access=[{"username": name, "euid": f"{name}@example.com", "roles": [role]}], tenantPlatformNumber=number
        )
        for number in range(7)
        for role in roles
        for name in names
    ][:100]

    def client(own: list[dict[str, Any]]) -> set[str]:
        pause = Event()
        return {cluster.order("hasty", body) for body in own if not pause.wait(0.1)}

    with ThreadPoolExecutor(4) as pool:
        replications = set.union(*pool.map(client, [bodies[start::4] for start in range(4)]))

    states = {cluster.ended(replication).state for replication in replications}
    record = cluster.connector.store.tenants.find(cluster.tenant_id("hasty"))
    assert record is not None
    assert states <= {State.SUCCEEDED, State.CANCELLED}, "a newer order replaces what is under way"
    assert record.state is State.SUCCEEDED
    last = record.desired.model_dump(mode="json", by_alias=True, exclude_unset=True)
    assert last in bodies
    assert wrong(cluster, {"hasty": last}) == []


@pytest.mark.parametrize("number", [2_000, pytest.param(10_000, marks=pytest.mark.thorough)])
def test_thousands_of_waiting_replications_and_slow_workers_do_not_multiply_messages(
    cluster: Cluster, number: int
) -> None:
    """Four pumps, one slow worker that takes a message each tick, a lease that is over before a message is taken."""
    redis, queue, room, lease = cluster.redis.client, "backlog:queue", 8, timedelta(milliseconds=5)
    store = Store(redis, retention=timedelta(minutes=5), history=10, prefix="backlog:")
    submit_many(store, number)
    sent, begun, longest, ticks = 0, 0, 0, 200
    waiting: dict[str, Dispatch] = {}
    waits = StepRecord(step=0, document=StepState(name="x", state=State.WAITING), state=State.WAITING, due=HOUR)
    for tick in range(ticks):
        for pump in range(4):
            for dispatch in store.work.pump(queue, room, lease, HOUR, f"pump{pump}"):
                message = f"{dispatch.replication} {dispatch.number}"
                waiting[message] = dispatch
                redis.lpush(queue, message)
                sent += 1
        longest = max(longest, redis.llen(queue))
        dispatch = waiting.pop(redis.rpop(queue))
        holder = f"slow{tick}"
        if store.work.begin(dispatch, holder, HOUR):
            begun += store.work.record(dispatch.replication, holder, waits)

    assert longest <= room
    assert begun == ticks, "a message that is taken is never stale: those that came first go first"
    assert sent <= ticks + room
    forget(redis, "backlog:*")


@pytest.mark.thorough
def test_a_backlog_on_real_slow_workers_sends_few_messages_twice(cluster: Cluster) -> None:
    cluster.simulator.set_options(latency_seconds=0.15)
    before = stale(cluster)
    replications = [cluster.order(f"slow{number}", ONE_ROLE) for number in range(TENANTS)]
    lengths = []

    def all_ended() -> bool:
        lengths.append(cluster.redis.client.llen(QUEUE))
        return bool(cluster.redis.client.zcard("connector:due") == 0)

    eventually(all_ended)
    cluster.simulator.set_options(latency_seconds=0)

    for replication in replications:
        cluster.succeeded(replication)
    assert max(lengths) <= 2 * 8  # the room of one worker, and what its slots pass on
    assert stale(cluster) - before < 4 * TENANTS, "of some 20 messages for each"


def submit_many(store: Store, number: int) -> None:
    """Order many tenants at once."""
    tenants = [TenantId("likvid", f"p{index}", PLATFORM) for index in range(number)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda tenant: store.orders.submit(Order(tenant, DEVELOPMENT)), tenants))


def stale(cluster: Cluster) -> int:
    """Count the messages that came to the workers too late or twice."""
    return sum(worker.log.read_text().count("stale: ") for worker in cluster.workers)


def step_of(cluster: Cluster, replication: str) -> int:
    """Return the index of the step at which a replication stands."""
    return int(cluster.redis.client.hget(f"connector:replication:{replication}", "step"))
