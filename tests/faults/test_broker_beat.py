"""Beat: two of them, or one that runs late, change nothing but who is replicated again."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from tasks.connector import Connector
from tasks.daily.round import BATCH, replicate_oldest
from tasks.model.desired import Desired, TenantId
from tasks.model.replication import State, StepState
from tasks.orders.producer import replicate_again
from tasks.state.orders import Order
from tasks.state.outcome import StepRecord
from tests.support.cluster import PLATFORM
from tests.support.redis import CheckedRedis
from tests.support.waiting import eventually
from tests.workers.api.server import make

LEASE = timedelta(minutes=1)
DEVELOPMENT, PRODUCTION = (Desired(landing_zone=zone) for zone in ("development", "production"))


@pytest.fixture(scope="module")
def redis() -> Iterator[CheckedRedis]:
    with CheckedRedis(fsync="no") as server:
        yield server


@pytest.fixture
def connector(redis: CheckedRedis) -> Iterator[Connector]:
    made = make(redis.url, replication_interval=timedelta(milliseconds=1))
    redis.client.flushall()
    yield made
    made.store.close()


def test_several_beats_replicate_each_tenant_once(connector: Connector, redis: CheckedRedis) -> None:
    tenants = [ended(connector, f"p{number}") for number in range(20)]
    eventually(lambda: len(connector.store.tenants.idle(timedelta(milliseconds=1), 50)) == len(tenants))

    with ThreadPoolExecutor(4) as beats:
        list(beats.map(lambda _: replicate_oldest(connector, datetime.now(UTC)), range(4)))

    assert redis.client.zcard("connector:due") == len(tenants)
    assert not any(redis.client.hget(f"connector:tenant:{tenant}", "next") for tenant in tenants)


def test_one_that_cannot_be_replicated_any_more_stops_no_other(connector: Connector, redis: CheckedRedis) -> None:
    broken, good = ended(connector, "broken"), ended(connector, "good")
    stored = {"desired": '{"landingZone": "gone"}', "handles": '{"doubt": null}'}  # in doubt it would be replicated
    redis.client.hset(f"connector:tenant:{broken}", mapping=stored)
    eventually(lambda: len(connector.store.tenants.idle(timedelta(milliseconds=1), 50)) == 2)

    assert replicate_oldest(connector, datetime.now(UTC)) == 1

    assert redis.client.hget(f"connector:tenant:{good}", "current")
    assert not redis.client.hget(f"connector:tenant:{broken}", "current")


def test_a_tenant_that_is_under_way_is_left_alone(connector: Connector, redis: CheckedRedis) -> None:
    tenant = ended(connector, "busy")
    connector.store.orders.submit(Order(tenant, DEVELOPMENT))
    wait(connector)
    due = redis.client.zrange("connector:due", 0, -1, withscores=True)

    eventually(lambda: replicate_oldest(connector, datetime.now(UTC)))

    assert redis.client.zrange("connector:due", 0, -1, withscores=True) == due


def test_tenants_that_wait_for_long_do_not_fill_every_batch(connector: Connector, redis: CheckedRedis) -> None:
    for number in range(BATCH):
        connector.store.orders.submit(Order(ended(connector, f"long{number}"), DEVELOPMENT))
    late = ended(connector, "late")
    redis.client.zadd("connector:replicated", {str(late): 2}, xx=True)
    redis.client.zadd("connector:replicated", {f"likvid.long{n}.{PLATFORM}": 1 for n in range(BATCH)}, xx=True)

    replicate_oldest(connector, datetime.now(UTC))
    replicate_oldest(connector, datetime.now(UTC))

    assert redis.client.hget(f"connector:tenant:{late}", "current")


def test_what_beat_read_a_moment_ago_never_overtakes_a_newer_order(connector: Connector) -> None:
    tenant = ended(connector, "raced")
    old = connector.store.tenants.find(tenant)
    assert old is not None
    replication = connector.store.orders.submit(Order(tenant, PRODUCTION))

    again = replicate_again(old, connector, wake=False)

    assert again.replication == replication
    newest = connector.store.tenants.find(tenant)
    assert newest is not None
    assert newest.desired == PRODUCTION


def ended(connector: Connector, project: str) -> TenantId:
    """Order a tenant, and let its replication fail at once."""
    tenant = TenantId("likvid", project, PLATFORM)
    connector.store.orders.submit(Order(tenant, DEVELOPMENT))
    record(connector, State.FAILED)
    return tenant


def wait(connector: Connector) -> None:
    """Take the one replication that is due, and let it wait for an hour."""
    record(connector, State.WAITING, timedelta(hours=1))


def record(connector: Connector, state: State, due: timedelta = timedelta()) -> None:
    for dispatch in connector.store.work.pump("queue", 10, LEASE, LEASE, "worker"):
        assert connector.store.work.begin(dispatch, "me", LEASE)
        outcome = StepRecord(step=0, document=StepState(name="create_account", state=state), state=state, due=due)
        assert connector.store.work.record(dispatch.replication, "me", outcome)
