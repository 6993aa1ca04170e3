"""A worker whose threads are all taken leaves what comes to others, also after Redis was away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from celery import Celery

from config.celery import QUEUES, celery_settings
from config.threads import Threads
from tasks import questions
from tasks.questions.kinds import PLAN, plan_text
from tests.support.cluster import ACCESS, Cluster, desired, running_cluster
from tests.support.waiting import eventually

LEASE = 600  # seconds: what lies in a full worker's memory is sent again only then
HELD = 55  # seconds, almost as long as CloudFormation's time-out
TOLD = 1
FEW = [f"p{number}" for number in range(3)]  # tenants; each worker would take one of their messages


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with running_cluster(
        tmp_path_factory.mktemp("full"), CONNECTOR_LEASE_SECONDS=str(LEASE), CONNECTOR_WORKER_CONCURRENCY=str(TOLD)
    ) as running:
        yield running


def people(cluster: Cluster) -> set[str]:
    return {each for group in cluster.simulator.state()["identity_store"]["groups"] for each in group["members"]}


@contextmanager
def asking(cluster: Cluster) -> Iterator[Any]:
    """Give a Celery app that speaks to the workers."""
    with Celery("asking", set_as_current=False) as app:
        app.conf.update(celery_settings(cluster.connector.settings))
        yield app


def fill(cluster: Cluster) -> None:
    """Let every thread of the one worker hang in a call, by questions that come in the place of replications."""
    cluster.simulator.clear_faults()
    cluster.simulator.inject(operation="DescribeStacks", kind="hold", seconds=HELD, times=-1)
    number = Threads.of(TOLD).all
    for each in range(number):
        questions.ask(cluster.connector, PLAN, str(each), plan_text(cluster.tenant_id(FEW[0]), None))
    cluster.redis.client.delete(*QUEUES)
    with asking(cluster) as app:
        for each in range(number):
            app.send_task(f"questions.{PLAN}", args=[f"{PLAN}.{each}"])
    eventually(lambda: sum(fault["struck"] for fault in cluster.simulator.faults()) == number)


@pytest.mark.thorough
def test_a_full_worker_takes_nothing_after_redis_was_away(cluster: Cluster) -> None:
    for replication in [cluster.order(project) for project in FEW]:
        cluster.succeeded(replication)
    fill(cluster)
    mark = cluster.simulator.mark()
    cluster.start_worker()

    cluster.redis.kill()
    cluster.redis.restart()
    with asking(cluster) as app:
        eventually(lambda: len(app.control.ping(limit=2)) == len(cluster.workers))
    for project in FEW:
        cluster.order(project, desired(access=ACCESS[:1]))
    eventually(lambda: people(cluster) == {"alice@example.com"})

    assert not any(call.performed for call in cluster.simulator.calls(mark) if call.operation == "DescribeStacks")
    cluster.kill(cluster.workers[0])  # it would wait for its calls
    cluster.simulator.clear_faults()
