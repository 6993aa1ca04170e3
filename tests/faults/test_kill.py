"""Workers are killed at random moments: every tenant ends right, with one account, and soon."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from threading import Event
from time import monotonic

import pytest

from tasks.model.replication import State
from tests.support.cluster import QUICK, Cluster, running_cluster
from tests.support.waiting import eventually
from workers.sandbox import organization

KILLS = int(os.environ.get("KILLS", "4"))  # 20 as the soak of a release: KILLS=20 pytest tests/faults/test_kill.py
TENANTS = 10
LEASE = 2  # seconds, as in tests/support/cluster.py
SOON = 300  # seconds, on a busy machine; the call itself is held for 600


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    options = QUICK.model_copy(update={"creation_seconds": 1.5, "latency_seconds": 0.02})
    with running_cluster(tmp_path_factory.mktemp("killed"), workers=2, options=options) as running:
        yield running


def test_killed_workers_lose_nothing_and_do_nothing_twice(cluster: Cluster) -> None:
    chance = random.Random(11)
    projects = [f"p{number}" for number in range(TENANTS)]
    replications = []
    for kill in range(KILLS):
        replications += [cluster.order(project) for project in projects[kill::KILLS]]
        Event().wait(chance.uniform(0.1, 1.5))  # the random moment is what is tested
        cluster.kill(cluster.workers[0])
        cluster.start_worker()

    for replication in replications:
        cluster.succeeded(replication)

    assert_all_right(cluster, projects)


def test_what_killed_workers_did_is_continued_within_the_lease(cluster: Cluster) -> None:
    cluster.simulator.inject(service="organizations", operation="MoveAccount", kind="delay", seconds=600, times=1)
    replication = cluster.order("held")
    cluster.until_running(replication, "move_to_ou")
    busy = [*cluster.workers]
    cluster.start_worker()

    for worker in busy:
        cluster.kill(worker)
    killed = monotonic()
    eventually(lambda: _step_state(cluster, replication, "move_to_ou") is State.SUCCEEDED)

    assert monotonic() - killed < LEASE + SOON
    cluster.succeeded(replication)


def assert_all_right(cluster: Cluster, projects: list[str]) -> None:
    """One account each, where it belongs, with its access and nothing left in a lane."""
    state = cluster.simulator.state()
    tenants = [account for account in state["accounts"].values() if account["name"].startswith("likvid.")]
    assert sorted(account["name"] for account in tenants) == sorted(f"likvid.{project}" for project in projects)
    assert {account["parent_id"] for account in tenants} == {organization.DEVELOPMENT_OU_ID}
    assert all(account["alias"] and account["tags"]["meshstack:tenant"] for account in tenants)
    assert len(state["identity_store"]["groups"]) == 3 * len(projects)
    assert all(group["members"] for group in state["identity_store"]["groups"])
    assert len(state["identity_center"]["assignments"]) == 3 * len(projects)
    assert state["creations"]["in_flight_peak"] <= 5
    redis = cluster.redis.client
    assert redis.keys("connector:holders:*") == []
    assert [redis.zcard(f"connector:{index}") for index in ("due", "placed", "looks")] == [0, 0, 0]
    assert redis.keys("connector:waiters:*") == []
    assert redis.keys("connector:places:*") == []


def _step_state(cluster: Cluster, replication: str, name: str) -> State:
    found = cluster.connector.store.replications.find(replication)
    assert found is not None
    return next(step.state for step in found.steps if step.name == name)
