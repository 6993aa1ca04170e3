"""Tenants that wait for one StackSet go together in one operation, whatever happens to who sends it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.cluster import ONE_ROLE, QUICK, Cluster, running_cluster
from tests.support.common_set import make_common_set, operation_of, with_common_set
from tests.support.waiting import eventually

TENANTS = 6


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    directory = tmp_path_factory.mktemp("together")
    options = QUICK.model_copy(update={"creations_in_flight": 9, "stack_operation_seconds": 2.0})
    with running_cluster(
        directory,
        workers=2,
        options=options,
        CONNECTOR_ACCOUNT_CREATION_LIMIT="9",
        CONNECTOR_CONFIG_DIR=with_common_set(directory),
    ) as running:
        make_common_set(running)
        yield running


def order(cluster: Cluster, name: str) -> list[str]:
    return [cluster.order(f"{name}{number}", ONE_ROLE) for number in range(TENANTS)]


def sent(cluster: Cluster, mark: int) -> int:
    """Count the operations that AWS has taken."""
    calls = cluster.simulator.writes_since(mark)
    return sum(call.operation == "CreateStackInstances" and call.performed for call in calls)


def nobody_waits(cluster: Cluster) -> bool:
    redis = cluster.redis.client
    return not redis.keys("connector:holders:*") and not redis.keys("connector:waiters:*")


def test_who_waits_goes_together_and_each_is_done_once(cluster: Cluster) -> None:
    mark = cluster.simulator.mark()

    for replication in order(cluster, "p"):
        cluster.succeeded(replication)

    operations = operation_of(cluster)
    assert len(operations) == TENANTS
    assert sent(cluster, mark) == len(set(operations.values())) < TENANTS
    assert nobody_waits(cluster)


@pytest.mark.thorough
@pytest.mark.parametrize("kind", ["delay", "lost_response"])
def test_who_sends_is_killed_and_nobody_is_forgotten_or_done_twice(cluster: Cluster, kind: str) -> None:
    """Held before AWS has it, or after: the worker is killed while the call runs."""
    before = set(operation_of(cluster))
    mark = cluster.simulator.mark()
    fault = {"seconds": 20} if kind == "delay" else {}
    # The first operation has begun, and all others stand in line; the second one takes them along.
    cluster.simulator.inject(operation="CreateStackInstances", kind=kind, skip=1, times=1, **fault)
    replications = order(cluster, kind[0])
    if kind == "delay":
        redis = cluster.redis.client
        eventually(
            lambda: any(" " in ids for key in redis.keys("connector:held_by:StackSet*") for ids in redis.hvals(key))
        )
        for worker in list(cluster.workers):
            cluster.kill(worker)
        cluster.start_worker()

    for replication in replications:
        cluster.succeeded(replication, 120)

    made = {account: each for account, each in operation_of(cluster).items() if account not in before}
    assert len(made) == TENANTS
    assert sent(cluster, mark) == len(set(made.values())) < TENANTS
    assert nobody_waits(cluster)
