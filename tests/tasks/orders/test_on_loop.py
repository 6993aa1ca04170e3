"""Orders on an event loop: which need no thread, and that nothing is stored of those that do."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tasks.connector import Connector, async_redis_client
from tasks.in_force import LOOK_SECONDS, InForce
from tasks.model.desired import Desired, Person, TenantId
from tasks.model.handles import Group, Handles
from tasks.model.replication import State
from tasks.orders.on_loop import MOST_PEOPLE, Taken, replicate_on_loop
from tasks.orders.producer import replicate
from tests.support.redis import CheckedRedis
from tests.tasks.state.as_worker import BLOG, SHOP, run_one, step_done
from tests.workers.api.server import make

WANTED = Desired(landing_zone="development")
ZONE: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "meshLandingZone",
    "metadata": {"name": "fresh"},
    "spec": {
        "platformRef": {"identifier": "aws.sandbox"},
        "platformProperties": {"type": "aws", "aws": {"awsEnrollAccount": False, "awsRoleMappings": []}},
    },
}
KEY = "meshLandingZone fresh"


class Clock:
    """The seconds of a process, which pass when a test says so."""

    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def connector(redis_server: CheckedRedis) -> Connector:
    connector = make(redis_server.url)
    redis_server.client.flushall()
    return connector


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def in_force(connector: Connector, clock: Clock) -> InForce[Connector]:
    made = InForce(connector, clock=clock)
    made.now()
    return made


def order(
    connector: Connector, in_force: InForce[Connector], desired: Desired = WANTED, tenant: TenantId = SHOP
) -> Taken | None:
    async def ordered() -> Taken | None:
        orders = connector.store.orders_on_loop(async_redis_client(connector.settings))
        try:
            return await replicate_on_loop(tenant, desired, in_force, orders, by="ada")
        finally:
            await orders.close()

    return asyncio.run(ordered())


def test_an_order_is_stored_as_by_a_thread(connector: Connector, in_force: InForce[Connector]) -> None:
    taken = order(connector, in_force)
    assert taken == Taken(taken.replication if taken else "", State.QUEUED, still_in=0)
    again = replicate("likvid", "shop", "aws.sandbox", WANTED, connector=connector)

    stored = connector.store.replications.find(again.replication)
    assert taken is not None
    assert (again.replication, stored and stored.requested_by) == (taken.replication, "ada")


def test_who_is_still_in_is_told(connector: Connector, in_force: InForce[Connector]) -> None:
    order(connector, in_force)
    group = Group("admin", "g-1", people=("alice", "bob"))
    run_one(connector.store, step_done(0, last=True, handles=Handles(groups={"mst-shop": group})))

    taken = order(connector, in_force)

    assert taken is not None
    assert taken.still_in == 2


@pytest.mark.parametrize(
    "needs_a_thread",
    [
        {"landing_zone": "unknown"},
        {"platform_tenant_id": "123456789012"},
        {"access": [Person(username=f"u{number}", roles=["admin"]) for number in range(MOST_PEOPLE + 1)]},
    ],
)
def test_what_needs_a_thread_is_not_stored(
    connector: Connector, in_force: InForce[Connector], needs_a_thread: dict[str, Any]
) -> None:
    assert order(connector, in_force, WANTED.model_copy(update=needs_a_thread)) is None
    assert connector.store.tenants.find(SHOP) is None


def test_what_another_process_changes_counts_at_once(connector: Connector, in_force: InForce[Connector]) -> None:
    fresh = Desired(landing_zone="fresh")
    connector.store.documents.change({KEY: ZONE}, [])
    in_force.now()
    assert order(connector, in_force, fresh) is not None

    connector.store.documents.change({}, [KEY])

    assert order(connector, in_force, fresh, BLOG) is None
    assert connector.store.tenants.find(BLOG) is None


def test_the_directory_is_looked_at_by_a_thread(
    connector: Connector, in_force: InForce[Connector], clock: Clock
) -> None:
    clock.seconds += LOOK_SECONDS

    assert order(connector, in_force) is None
    in_force.now()
    assert order(connector, in_force) is not None
