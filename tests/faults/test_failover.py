"""Redis fails over in the middle: workers and API go to the new primary, and nothing that was accepted is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.faults.broker import wrong
from tests.faults.test_broker import creating, put
from tests.support.cluster import PLATFORM, QUICK, cluster_on, desired
from tests.support.redis_pair import MASTER, SENTINEL_PASSWORD, Pair, asked, redis_pair, replicas, sentinel
from tests.support.waiting import eventually
from tests.workers.api.server import is_problem, running

BEFORE, AFTER = ("before0", "before1"), ("after",)


@dataclass(frozen=True)
class Way:
    """How Redis is reached, and how it fails over."""

    url: str
    sentinel_password: str | None
    fail_over: Callable[[], None]

    @property
    def environment(self) -> dict[str, Any]:
        password = (
            {} if self.sentinel_password is None else {"CONNECTOR_REDIS_SENTINEL_PASSWORD": self.sentinel_password}
        )
        return {"CONNECTOR_REDIS_URL": self.url, "CONNECTOR_REDIS_REPLICAS": "1", **password}


@contextmanager
def one_address(pair: Pair, directory: Path) -> Iterator[Way]:
    """One address that leads to the primary; connections to the old one stay."""
    with pair.address() as url:
        yield Way(url, None, pair.fail_over)


@contextmanager
def sentinels(pair: Pair, directory: Path) -> Iterator[Way]:
    """Two Sentinels, of which the first is away."""
    with sentinel(pair, directory) as port:
        url = f"sentinel://:{pair.password}@127.0.0.1:1;sentinel://127.0.0.1:{port}/0?master_name={MASTER}"
        yield Way(url, SENTINEL_PASSWORD, lambda: promote(pair, port))


@pytest.mark.thorough
@pytest.mark.parametrize("way_of", [one_address, sentinels])
def test_a_replica_promoted_in_the_middle_loses_nothing(
    way_of: Callable[[Pair, Path], AbstractContextManager[Way]], tmp_path: Path
) -> None:
    with (
        redis_pair() as pair,
        way_of(pair, tmp_path) as way,
        cluster_on(pair.servers[0], tmp_path, 1, QUICK, **way.environment) as cluster,
        running(pair.servers[0], way.url, redis_sentinel_password=way.sentinel_password, redis_replicas=1) as api,
        api.client() as http,
    ):
        answers = [put(http, project) for project in BEFORE]
        eventually(lambda: creating(cluster))
        way.fail_over()
        cluster.redis = pair.servers[pair.primary]
        answers += [until_accepted(http, project) for project in AFTER]

        for answer in answers:
            assert answer.status_code == 202
            cluster.succeeded(answer.json()["replicationId"])
        cluster.processes.check()  # raises when a worker has ended
        assert wrong(cluster, dict.fromkeys((*BEFORE, *AFTER), desired())) == []


def test_an_order_that_no_replica_has_is_not_promised() -> None:
    with redis_pair() as pair, running(pair.servers[0], redis_replicas=1) as api, api.client() as http:
        assert put(http, "kept").status_code == 202
        pair.replica.replicaof("NO", "ONE")
        problem = is_problem(put(http, "lonely"), 503)
        assert "0 of 1 replicas of Redis have confirmed it" in problem["detail"]
        assert is_problem(http.post(f"/api/v1/platforms/{PLATFORM}/pause"), 503)


def until_accepted(http: httpx2.Client, project: str) -> httpx2.Response:
    """Order a tenant until it is taken; everything before is a 503."""

    def accepted() -> httpx2.Response | None:
        answer = put(http, project)
        assert answer.status_code in (202, 503), answer.text
        return answer if answer.status_code == 202 else None

    answer = eventually(accepted)
    assert answer is not None
    return answer


def promote(pair: Pair, port: int) -> None:
    """Let the Sentinel make the replica the primary."""
    with asked(port) as one:
        eventually(lambda: replicas(one) == 1)
        one.execute_command("SENTINEL", "FAILOVER", MASTER)
        old = pair.clients[pair.primary]
        eventually(lambda: pair.replica.info("replication")["role"] == "master")
        eventually(lambda: old.info("replication")["role"] == "slave")
    pair.primary = 1 - pair.primary
