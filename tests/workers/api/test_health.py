from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import httpx2
import pytest

from tests.support.redis import CheckedRedis
from tests.support.redis_pair import redis_pair
from tests.support.waiting import eventually
from tests.workers.api.server import BODY, TENANT, Api, is_problem, running


@pytest.fixture
def lonely() -> Iterator[Api]:
    """An API whose Redis may be taken away."""
    with CheckedRedis(fsync="always") as redis, running(redis) as api:
        yield api


def look_for_work(api: Api) -> None:
    api.store.work.pump("celery", 0, timedelta(seconds=9), timedelta(hours=1), "w1")


def test_ready_when_orders_are_taken_whoever_works_on_them(api: Api) -> None:
    with api.client(None) as http:
        assert http.get("/healthz").json() == {"status": "ok"}
        assert http.get("/readyz").json() == {"redis": "ok", "workers": 0, "rejectedMessages": 0}
        look_for_work(api)
        response = http.get("/readyz")
        assert (response.status_code, response.json()["workers"]) == (200, 1)
    assert api.keys() == ["connector:clock", "connector:rooms", "connector:workers"]


def test_a_worker_that_has_stopped_looking_does_not_count(api: Api) -> None:
    look_for_work(api)
    api.redis.client.zincrby("connector:workers", -6000, "w1")
    with api.client(None) as http:
        assert http.get("/readyz").json()["workers"] == 0


def test_a_redis_that_takes_no_writes_is_not_ready() -> None:
    with redis_pair() as pair, running(pair.servers[0], redis_replicas=1) as api, api.client(None) as http:
        assert http.get("/readyz").status_code == 200
        pair.replica.replicaof("NO", "ONE")  # nobody would have an order beside the primary
        is_problem(http.get("/readyz"), 503)
        pair.clients[0].replicaof("127.0.0.1", 1)
        is_problem(http.get("/readyz"), 503)


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_head_answers_as_get_without_the_body(http: httpx2.Client, path: str) -> None:
    whole, head = http.get(path), http.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"] == whole.headers["content-type"]


def test_without_redis_everything_is_a_503_and_nothing_is_lost(lonely: Api) -> None:
    with lonely.client() as http:
        look_for_work(lonely)
        first = http.put(TENANT, json=BODY).json()["replicationId"]
        lonely.redis.kill()
        calls = [
            ("PUT", TENANT),
            ("GET", TENANT),
            ("GET", "/api/v1/tenants"),
            ("POST", f"{TENANT}/replications"),
            ("GET", f"/api/v1/replications/{first}"),
            ("POST", f"/api/v1/replications/{first}/cancel"),
            ("GET", f"{TENANT}/events"),
            ("GET", "/readyz"),
        ]
        with ThreadPoolExecutor(len(calls)) as pool:  # each call tries for a while
            answers = list(pool.map(lambda call: http.request(*call, json=BODY if call[0] == "PUT" else None), calls))
        for response in answers:
            document = is_problem(response, 503)
            assert int(response.headers["retry-after"]) > 0
            assert "Redis" in document["detail"]
        assert http.get("/healthz").status_code == 200
        assert is_problem(http.put(TENANT, json={**BODY, "landingZone": 5}), 422)
        lonely.redis.restart()
        assert eventually(lambda: http.get("/readyz").status_code == 200)
        assert http.put(TENANT, json=BODY).json()["replicationId"] == first


def test_a_mistake_of_ours_is_a_500_that_tells_nothing(api: Api) -> None:
    with api.client() as http:
        http.put(TENANT, json=BODY)
        api.redis.client.hset("connector:tenant:likvid.shop.aws.sandbox", "desired", "not-json-at-all")
        response = http.get(TENANT)
    document = is_problem(response, 500)
    assert "not-json" not in response.text
    assert "Traceback" not in document["detail"]


def test_the_server_ends_cleanly_without_redis() -> None:
    with CheckedRedis() as redis, running(redis) as api:
        redis.kill()
        assert httpx2.get(f"{api.url}/healthz").status_code == 200
