"""Workers are killed at random moments: every tenant ends right, with one account, and soon."""

from __future__ import annotations

import os
import random
import signal
from pathlib import Path
from threading import Event
from time import monotonic

import pytest

from tasks.model import ENDED, State
from tests.cluster import QUICK, Cluster, running_cluster
from tests.waiting import eventually
from workers.sandbox import organization

KILLS = int(os.environ.get("KILLS", "4"))  # 20 as the soak of a release: KILLS=20 pytest tests/faults/test_kill.py
TENANTS = 12
LEASE = 2  # seconds, as in tests/cluster.py
RESUMED_WITHIN = 30.0  # seconds after the last kill until nothing is left undone


@pytest.mark.timeout(400)
def test_killed_workers_lose_nothing_and_do_nothing_twice(tmp_path: Path) -> None:
    chance = random.Random(11)
    options = QUICK.model_copy(update={"creation_seconds": 1.5, "latency_seconds": 0.02})
    with running_cluster(tmp_path, workers=2, options=options) as cluster:
        projects = [f"p{number}" for number in range(TENANTS)]
        workers = list(cluster.processes.children)
        replications = []
        for kill in range(KILLS):
            replications += [cluster.order(project) for project in projects[kill::KILLS]]
            Event().wait(chance.uniform(0.1, 1.5))  # the random moment is what is tested
            cluster.kill(workers.pop(0))
            workers.append(cluster.start_worker())
        killed = monotonic()

        for replication in replications:
            cluster.succeeded(replication, RESUMED_WITHIN * 2)

        # The work itself takes its time: five creations of 1.5 s at once.
        assert monotonic() - killed < RESUMED_WITHIN + TENANTS / 5 * 1.5
        assert_all_right(cluster, projects)


def test_what_a_killed_worker_did_is_continued_within_the_lease(tmp_path: Path) -> None:
    with running_cluster(tmp_path, workers=1) as cluster:
        cluster.simulator.inject(service="organizations", operation="MoveAccount", kind="delay", seconds=60, times=1)
        replication = cluster.order("held")
        cluster.until_running(replication, "move_to_ou")
        [busy] = cluster.workers
        cluster.start_worker()

        cluster.kill(busy)
        killed = monotonic()
        eventually(lambda: _step_state(cluster, replication, "move_to_ou") is State.SUCCEEDED)

        assert monotonic() - killed < LEASE + 5
        cluster.succeeded(replication)


def test_sigterm_finishes_the_running_step_and_leaves_the_rest_to_others(tmp_path: Path) -> None:
    with running_cluster(tmp_path, workers=1) as cluster:
        projects = [f"p{number}" for number in range(6)]
        replications = [cluster.order(project) for project in projects]
        eventually(lambda: any(_state(cluster, replication) is State.RUNNING for replication in replications))
        [worker] = cluster.processes.children

        asked = monotonic()
        cluster.kill(worker, signal.SIGTERM)

        assert monotonic() - asked < 10
        assert worker.process.returncode == 0
        cluster.start_worker()
        for replication in replications:
            cluster.succeeded(replication)
        assert_all_right(cluster, projects)


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
    redis = cluster.connector.store.redis
    assert redis.keys("connector:lane:*:holders") == []
    assert redis.zcard("connector:due") == 0
    assert redis.keys("connector:places:*") == []


def _state(cluster: Cluster, replication: str) -> State | None:
    found = cluster.connector.store.replication(replication)
    return found.state if found and found.state not in ENDED else None


def _step_state(cluster: Cluster, replication: str, name: str) -> State:
    found = cluster.connector.store.replication(replication)
    assert found is not None
    return next(step.state for step in found.steps if step.name == name)
