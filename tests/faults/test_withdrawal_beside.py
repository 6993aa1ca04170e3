"""Who is not ordered any more is out within seconds, also while a call of the older order hangs or its worker dies."""

from __future__ import annotations

from collections.abc import Iterator
from time import monotonic
from typing import Any

import pytest
from celery import Celery

from config.celery import QUEUES, celery_settings
from config.schedule import LOOK, options
from tasks import questions
from tasks.questions.kinds import PLAN, plan_text
from tests.support.cluster import Cluster, desired, running_cluster
from tests.support.waiting import eventually, patience

BOUND = 15.0  # seconds from the accepted order, as docs/security.md promises
THREADS = 4  # of each of the two workers
HANGS = 20  # seconds, longer than anybody may have to wait
HELD = ("DescribeStacks", "ListAccounts")  # a plan calls the first, a look at the organization the second
ALICE = {"username": "alice", "euid": "alice@example.com", "roles": ["admin"]}
BOB = {"username": "bob", "euid": "bob@example.com", "roles": ["user", "reader"]}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Two workers with the lease of production."""
    with running_cluster(
        tmp_path_factory.mktemp("beside"),
        workers=2,
        CONNECTOR_LEASE_SECONDS="6",
        CONNECTOR_WORKER_CONCURRENCY=str(THREADS),
    ) as running:
        yield running


def members(cluster: Cluster, project: str) -> set[str]:
    groups = cluster.simulator.state()["identity_store"]["groups"]
    return {each for group in groups if f".{project}." in group["name"] for each in group["members"]}


def given(cluster: Cluster, project: str, *people: dict[str, Any]) -> None:
    cluster.succeeded(cluster.order(project, desired(access=list(people))))


def struck(cluster: Cluster) -> bool:
    return any(fault["struck"] for fault in cluster.simulator.faults())


def performed(cluster: Cluster, mark: int, operation: str) -> bool:
    return any(call.operation == operation and call.performed for call in cluster.simulator.calls(mark))


@pytest.mark.thorough
def test_while_a_call_of_the_older_order_hangs(cluster: Cluster) -> None:
    given(cluster, "hangs", ALICE, BOB)
    cluster.simulator.inject(operation="UpdateStack", kind="delay", seconds=HANGS, times=1)
    changed = desired(access=[ALICE, BOB], project={"createdBy": {"email": "second@example.com"}})
    cluster.order("hangs", changed)
    eventually(lambda: struck(cluster))

    last = cluster.order("hangs", {**changed, "access": [ALICE]})

    eventually(lambda: members(cluster, "hangs") == {"alice@example.com"}, patience(BOUND))
    cluster.succeeded(last)


def test_while_every_thread_hangs_in_a_call(cluster: Cluster) -> None:
    """More tenants than threads wait for CloudFormation, which answers nobody."""
    given(cluster, "crowded", ALICE, BOB)
    crowd = [f"crowd{number}" for number in range(2 * THREADS + 2)]
    for replication in [cluster.order(project, desired(access=[])) for project in crowd]:
        cluster.succeeded(replication)
    cluster.simulator.clear_faults()
    cluster.simulator.inject(operation="UpdateStack", kind="hold", seconds=HANGS, times=-1)
    for project in crowd:
        cluster.order(project, desired(access=[], project={"createdBy": {"email": "second@example.com"}}))
    eventually(lambda: sum(fault["struck"] for fault in cluster.simulator.faults()) >= 2 * THREADS)

    cluster.order("crowded", desired(access=[ALICE]))
    eventually(lambda: members(cluster, "crowded") == {"alice@example.com"}, patience(BOUND))

    for project in crowd:
        cluster.order(project, desired(access=[]))
    cluster.simulator.clear_faults()


@pytest.mark.thorough
def test_while_questions_and_ticks_hang_in_calls(cluster: Cluster) -> None:
    """There are more of them than threads, and their calls last almost as long as CloudFormation's time-out."""
    given(cluster, "beside", ALICE, BOB)
    cluster.simulator.clear_faults()
    mark = cluster.simulator.mark()
    for operation in HELD:
        cluster.simulator.inject(operation=operation, kind="hold", seconds=55, times=-1)
    for number in range(6 * THREADS):
        questions.ask(cluster.connector, PLAN, f"h{number}", plan_text(cluster.tenant_id("beside"), None))
    with Celery("beat", set_as_current=False) as beat:
        beat.conf.update(celery_settings(cluster.connector.settings))
        for _ in range(6 * THREADS):
            beat.send_task(LOOK, **options(LOOK))
    eventually(lambda: sum(fault["struck"] for fault in cluster.simulator.faults()) >= THREADS)

    cluster.order("beside", desired(access=[ALICE]))
    eventually(lambda: members(cluster, "beside") == {"alice@example.com"})
    assert not any(performed(cluster, mark, each) for each in HELD), "it waited for a thread of theirs"

    cluster.redis.client.delete(*QUEUES)
    cluster.simulator.clear_faults()


@pytest.mark.parametrize(
    "held", [6, pytest.param(22, marks=pytest.mark.thorough)], ids=["answered late", "after the time-out"]
)
def test_whom_a_late_call_lets_in_is_taken_out_again(cluster: Cluster, held: int) -> None:
    project = f"late{held}"
    given(cluster, project, ALICE)
    cluster.simulator.clear_faults()
    cluster.simulator.inject(operation="CreateGroupMembership", kind="hold", seconds=held, times=1)
    mark = cluster.simulator.mark()
    added = {**BOB, "roles": ALICE["roles"]}  # a group of his own would be gone again before the call comes to AWS
    cluster.order(project, desired(access=[ALICE, added]))
    eventually(lambda: struck(cluster))
    asked = monotonic()

    last = cluster.order(project, desired(access=[ALICE]))
    eventually(lambda: performed(cluster, mark, "CreateGroupMembership"), held + 5)
    late = monotonic()
    assert late - asked > held - 2

    eventually(lambda: members(cluster, project) == {"alice@example.com"}, patience(BOUND))
    cluster.succeeded(last)
    assert members(cluster, project) == {"alice@example.com"}


@pytest.mark.thorough
def test_when_the_worker_that_takes_people_out_is_killed(cluster: Cluster) -> None:
    given(cluster, "killed", ALICE, BOB)
    cluster.simulator.clear_faults()
    cluster.simulator.inject(operation="DeleteGroupMembership", kind="hold", seconds=HANGS, times=1)
    cluster.order("killed", desired(access=[ALICE]))
    accepted = monotonic()
    eventually(lambda: struck(cluster))

    for worker in [*cluster.workers]:
        cluster.kill(worker)
    cluster.start_worker()

    eventually(lambda: members(cluster, "killed") == {"alice@example.com"}, patience(BOUND) - (monotonic() - accepted))
    cluster.start_worker()
