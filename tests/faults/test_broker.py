"""Whatever the broker does to messages, and Redis to everything: each tenant ends right, and nothing is done twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from time import monotonic
from urllib.parse import urlsplit

import httpx2
import pytest

from tests.faults.broker import cluster_of, moved, wrong
from tests.faults.unreliable import FILE
from tests.support.cluster import ACCESS, PLATFORM, Cluster, desired
from tests.support.stopped import frozen
from tests.support.waiting import eventually
from tests.workers.api.server import running

TENANTS = 3
LEASE = 1  # seconds; what is lost is sent again after it
FROZEN = 5  # seconds, longer than the lease and than a worker waits for one answer of Redis's
AWAY = 6  # seconds for which nobody listens: stands for a minute, as all times here are short


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with cluster_of(tmp_path_factory.mktemp("broker"), workers=0, lease=LEASE) as found:
        for _ in range(2):
            found.start_worker("tests.faults.unreliable")
        yield found


@pytest.fixture(scope="module")
def usual_writes(cluster: Cluster) -> Counter[str]:
    """Count what one tenant takes on a broker that works."""
    mark = cluster.simulator.mark()
    cluster.succeeded(cluster.order("usual"))
    return writes(cluster, mark)


@contextmanager
def unreliable(cluster: Cluster, mode: str) -> Iterator[None]:
    """Let the broker misbehave."""
    path = cluster.directory / FILE
    path.write_text(mode)
    try:
        yield
    finally:
        path.unlink()


@pytest.mark.parametrize(
    "mode", ["twice", "lose", *(pytest.param(each, marks=pytest.mark.thorough) for each in ("disorder", "late"))]
)
def test_an_unreliable_broker_changes_nothing(cluster: Cluster, usual_writes: Counter[str], mode: str) -> None:
    projects = [f"{mode}{number}" for number in range(TENANTS)]
    mark = cluster.simulator.mark()

    with unreliable(cluster, mode):
        for replication in [cluster.order(project) for project in projects]:
            cluster.succeeded(replication)

    assert wrong(cluster, dict.fromkeys(projects, desired())) == []
    assert writes(cluster, mark) == Counter({name: number * TENANTS for name, number in usual_writes.items()})


def test_a_worker_names_redis_without_its_password(cluster: Cluster) -> None:
    said = cluster.workers[0].log.read_text()

    assert f"Connected to redis://:**@127.0.0.1:{urlsplit(cluster.redis.url).port}/0" in said
    assert str(urlsplit(cluster.redis.url).password) not in said


def test_redis_away_in_the_middle_loses_nothing(cluster: Cluster) -> None:
    projects = [f"restarted{number}" for number in range(TENANTS)]
    with running(cluster.redis) as api, api.client() as http:
        answers = [put(http, project) for project in projects]
        eventually(lambda: creating(cluster))
        cluster.redis.kill()
        gone, refused = monotonic(), [put(http, "refused")]
        while monotonic() - gone < AWAY:
            refused += [put(http, "refused"), http.get(f"/api/v1/tenants/likvid/{projects[0]}/{PLATFORM}")]
        alive = http.get("/healthz")
        cluster.redis.restart()
        answers.append(put(http, "accepted"))

    for answer in answers:
        assert answer.status_code == 202
        cluster.succeeded(answer.json()["replicationId"])
    assert alive.status_code == 200
    for answer in refused:
        assert answer.status_code == 503
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.headers["Retry-After"]
    assert wrong(cluster, dict.fromkeys([*projects, "accepted"], desired())) == []
    assert cluster.connector.store.tenants.find(cluster.tenant_id("refused")) is None


@pytest.mark.thorough
def test_workers_outlive_redis_also_with_a_message_in_hand(cluster: Cluster) -> None:
    cluster.simulator.inject(service="organizations", operation="MoveAccount", kind="delay", seconds=3, times=1)
    replication = cluster.order("outlived")
    eventually(lambda: "likvid.outlived" in moved(cluster))

    cluster.redis.kill()
    cluster.redis.restart()

    cluster.succeeded(replication)
    cluster.processes.check()  # raises when a worker has ended
    assert wrong(cluster, {"outlived": desired()}) == []


def test_redis_frozen_for_longer_than_the_lease_loses_nothing(cluster: Cluster) -> None:
    projects = [f"frozen{number}" for number in range(TENANTS)]
    for project in projects:
        cluster.order(project)
    eventually(lambda: creating(cluster))

    with frozen(cluster.redis.client):
        Event().wait(FROZEN)  # the time itself is what is tested

    for project in projects:
        cluster.settled(project)  # a write that was under way when the lease ended makes a tenant be replicated again
    assert wrong(cluster, dict.fromkeys(projects, desired())) == []


@pytest.mark.thorough
def test_redis_emptied_in_the_middle_is_rebuilt_from_aws(cluster: Cluster) -> None:
    ready, begun = ([f"{kind}{number}" for number in range(3)] for kind in ("ready", "begun"))
    for replication in [cluster.order(project) for project in ready]:
        cluster.succeeded(replication)
    accounts = {project: cluster.account(project) for project in ready}
    for project in begun:
        cluster.order(project)
    eventually(lambda: creating(cluster))

    cluster.redis.client.flushall()
    fewer = desired(access=ACCESS[:1])
    replications = [cluster.order(project, fewer) for project in (*ready, *begun)]

    for replication in replications:
        cluster.succeeded(replication)
    assert {project: cluster.account(project) for project in ready} == accounts
    assert wrong(cluster, dict.fromkeys([*ready, *begun], fewer)) == []


def put(http: httpx2.Client, project: str) -> httpx2.Response:
    """Order a tenant over HTTP."""
    return http.put(f"/api/v1/tenants/likvid/{project}/{PLATFORM}", json=desired())


def creating(cluster: Cluster) -> bool:
    """Tell whether AWS makes an account right now."""
    return bool(cluster.simulator.state()["creations"]["in_flight"])


def writes(cluster: Cluster, mark: int) -> Counter[str]:
    """Count what was written since."""
    return Counter(f"{call.service}:{call.operation}" for call in cluster.simulator.writes_since(mark))
