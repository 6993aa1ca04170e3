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
from tasks.state.outcome import Outcome
from tests.support.cluster import PLATFORM
from tests.support.waiting import eventually
from tests.workers.api.server import make
from workers.sandbox.redis import EmbeddedRedis

LEASE = timedelta(minutes=1)
DEVELOPMENT, PRODUCTION = (Desired(landing_zone=zone) for zone in ("development", "production"))


@pytest.fixture(scope="module")
def redis() -> Iterator[EmbeddedRedis]:
    with EmbeddedRedis(fsync="no") as server:
        yield server


@pytest.fixture
def house(redis: EmbeddedRedis) -> Iterator[Connector]:
    made = make(redis.url, replication_interval_seconds=timedelta(milliseconds=1))
    made.store.redis.flushall()
    yield made
    made.store.redis.close()


def test_several_beats_replicate_each_tenant_once(house: Connector) -> None:
    tenants = [ended(house, f"p{number}") for number in range(20)]
    eventually(lambda: len(house.store.idle(timedelta(milliseconds=1), 50)) == len(tenants))

    with ThreadPoolExecutor(4) as beats:
        list(beats.map(lambda _: replicate_oldest(house, datetime.now(UTC)), range(4)))

    assert house.store.redis.zcard("connector:due") == len(tenants)
    assert not any(house.store.redis.hget(f"connector:tenant:{tenant}", "next") for tenant in tenants)


def test_one_that_cannot_be_replicated_any_more_stops_no_other(house: Connector) -> None:
    broken, good = ended(house, "broken"), ended(house, "good")
    house.store.redis.hset(f"connector:tenant:{broken}", "desired", '{"landingZone": "gone"}')
    eventually(lambda: len(house.store.idle(timedelta(milliseconds=1), 50)) == 2)

    assert replicate_oldest(house, datetime.now(UTC)) == 1

    assert house.store.redis.hget(f"connector:tenant:{good}", "current")
    assert not house.store.redis.hget(f"connector:tenant:{broken}", "current")


def test_a_tenant_that_is_under_way_is_left_alone(house: Connector) -> None:
    tenant = ended(house, "busy")
    house.store.submit(tenant, DEVELOPMENT)
    wait(house)
    due = house.store.redis.zrange("connector:due", 0, -1, withscores=True)

    eventually(lambda: replicate_oldest(house, datetime.now(UTC)))

    assert house.store.redis.zrange("connector:due", 0, -1, withscores=True) == due


def test_tenants_that_wait_for_long_do_not_fill_every_batch(house: Connector) -> None:
    for number in range(BATCH):
        house.store.submit(ended(house, f"long{number}"), DEVELOPMENT)
    late = ended(house, "late")
    house.store.redis.zadd("connector:replicated", {str(late): 2}, xx=True)
    house.store.redis.zadd("connector:replicated", {f"likvid.long{n}.{PLATFORM}": 1 for n in range(BATCH)}, xx=True)

    replicate_oldest(house, datetime.now(UTC))
    replicate_oldest(house, datetime.now(UTC))

    assert house.store.redis.hget(f"connector:tenant:{late}", "current")


def test_what_beat_read_a_moment_ago_never_overtakes_a_newer_order(house: Connector) -> None:
    tenant = ended(house, "raced")
    old = house.store.tenant(tenant)
    assert old is not None
    replication = house.store.submit(tenant, PRODUCTION)

    again = replicate_again(old, house, wake=False)

    assert again.replication == replication
    newest = house.store.tenant(tenant)
    assert newest is not None
    assert newest.desired == PRODUCTION


def ended(house: Connector, project: str) -> TenantId:
    """Order a tenant, and let its replication fail at once."""
    tenant = TenantId("likvid", project, PLATFORM)
    house.store.submit(tenant, DEVELOPMENT)
    record(house, State.FAILED)
    return tenant


def wait(house: Connector) -> None:
    """Take the one replication that is due, and let it wait for an hour."""
    record(house, State.WAITING, timedelta(hours=1))


def record(house: Connector, state: State, due: timedelta = timedelta()) -> None:
    for dispatch in house.store.pump("queue", 10, LEASE, LEASE, "worker"):
        assert house.store.begin(dispatch.replication, dispatch.number, 0, "me", LEASE)
        outcome = Outcome(step=0, document=StepState(name="create_account", state=state), state=state, due=due)
        assert house.store.record(dispatch.replication, "me", outcome)
