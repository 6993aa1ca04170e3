"""Stops on purpose: a worker that is asked to end hands everything over, and a cancelled replication leaves nothing."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterator
from time import monotonic

import pytest

from tasks.chain import REPLICATION
from tasks.model.replication import State
from tests.faults.broker import cluster_of, wrong
from tests.soak.verdict import wrong_tenants
from tests.support.cluster import ACCESS, ONE_ROLE, Cluster, desired
from tests.support.waiting import eventually

LEASE = 600  # seconds: whoever waited for the lease of a worker that has ended would be seen
TENANTS = 6
STEPS = [step.name for step in REPLICATION.steps]
PLACED = {"create_account", "wait_for_account", "deploy_stack_instances"}  # hold places in AWS's limits


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with cluster_of(tmp_path_factory.mktemp("stop"), workers=1, lease=LEASE) as running:
        yield running


def test_sigterm_finishes_the_running_call_and_hands_the_step_over(cluster: Cluster) -> None:
    slow = {"service": "identitystore", "kind": "delay", "seconds": 3, "times": -1}
    operations = ("CreateGroup", "CreateGroupMembership")  # six calls: the whole step would take 18 seconds
    cluster.simulator.inject(*({**slow, "operation": operation} for operation in operations))
    replication = cluster.order("handed")
    eventually(lambda: cluster.simulator.state()["identity_store"]["groups"])
    [first] = cluster.workers
    cluster.start_worker()

    asked = monotonic()
    cluster.kill(first, signal.SIGTERM)
    ended = monotonic()
    cluster.simulator.clear_faults()
    cluster.succeeded(replication, LEASE / 2)

    assert first.process.returncode == 0
    assert ended - asked < 10
    assert wrong(cluster, {"handed": desired()}) == []


def test_a_rolling_restart_under_load_loses_and_repeats_nothing(cluster: Cluster) -> None:
    mark = cluster.simulator.mark()
    cluster.succeeded(cluster.order("usual"))
    usual, mark = performed(cluster, mark), cluster.simulator.mark()
    projects = [f"rolled{number}" for number in range(TENANTS)]
    cluster.start_worker()
    replications = []

    for round_ in range(2):
        replications += [cluster.order(project) for project in projects[round_::2]]
        worker = cluster.workers[0]
        cluster.kill(worker, signal.SIGTERM)
        assert worker.process.returncode == 0
        cluster.start_worker()
    restarted = monotonic()

    for replication in replications:
        cluster.succeeded(replication)
    assert monotonic() - restarted < LEASE / 2
    assert wrong(cluster, dict.fromkeys(projects, desired())) == []
    assert performed(cluster, mark) == Counter({name: number * TENANTS for name, number in usual.items()})


@pytest.mark.thorough
def test_cancel_during_every_step_leaves_nothing_and_a_new_order_ends_right(cluster: Cluster) -> None:
    cluster.simulator.set_options(latency_seconds=0.15)
    projects = {f"cut{index}": step for index, step in enumerate(STEPS)}
    # What AWS works on keeps its place for a while after a cancel; so those go last.
    holding = {project for project, step in projects.items() if step in PLACED}
    states: dict[str, State] = {}
    for wave in (projects.keys() - holding, holding):
        states |= cancelled(cluster, {project: projects[project] for project in wave})
    cluster.simulator.set_options(latency_seconds=0)

    # The last two have nothing to ask AWS here, and may be done before they can be cancelled.
    assert {step for step, state in states.items() if state is not State.CANCELLED} <= {*STEPS[-2:]}
    redis = cluster.redis.client
    assert (redis.zcard("connector:due"), redis.keys("connector:places:*")) == (0, [])

    body = desired("production", ACCESS[:1])
    for replication in [cluster.order(project, body) for project in projects]:
        cluster.succeeded(replication)
    assert [*wrong_tenants(cluster.simulator.state(), dict.fromkeys(projects, body))] == []


def cancelled(cluster: Cluster, projects: dict[str, str]) -> dict[str, State]:
    """Order projects and cancel each while its step runs; answers by step how the replication ended."""
    replications = {project: cluster.order(project, ONE_ROLE) for project in projects}
    waiting = {replications[project]: step for project, step in projects.items()}

    def all_reached() -> bool:
        for found in cluster.connector.store.replications.those([*waiting]):
            step = waiting[found.id]
            if next(each for each in found.steps if each.name == step).state is not State.QUEUED:
                cluster.connector.store.orders.cancel(found.id)
                del waiting[found.id]
        return not waiting

    eventually(all_reached, every=0.02)  # a call takes longer
    return {step: cluster.ended(replications[project]).state for project, step in projects.items()}


def performed(cluster: Cluster, mark: int) -> Counter[str]:
    """Count what AWS did since; a repeated call that AWS refuses as done already is none."""
    calls = cluster.simulator.writes_since(mark)
    return Counter(f"{call.service}:{call.operation}" for call in calls if call.performed)
