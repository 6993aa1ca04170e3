"""Guessing is slowed for whoever guesses, and for nobody else."""

from __future__ import annotations

import httpx2
from structlog.testing import capture_logs

from tests.support.redis import CheckedRedis
from tests.support.waiting import eventually
from tests.workers.api.server import READ, TENANT, WRITE, Api, is_problem, make, serving
from workers.api.app import create_app

PATH = "/api/v1/tenants"
LIMIT = 20
FAILURES = "connector:failures:127.0.0.1"


def guess(http: httpx2.Client, count: int) -> list[int]:
    return [http.get(PATH, headers={"Authorization": f"Bearer guess-{number}"}).status_code for number in range(count)]


def test_guesses_beyond_the_limit_are_told_to_wait(api: Api) -> None:
    with capture_logs() as logs, api.client(None) as http:
        assert guess(http, LIMIT + 5) == [401] * LIMIT + [429] * 5
        response = http.get(PATH, headers={"Authorization": "Bearer guess"})
    document = is_problem(response, 429)
    assert 1 <= int(response.headers["retry-after"]) <= 60
    assert response.headers["retry-after"] in document["detail"]
    assert str(logs).count("too many wrong tokens from one address") == 1
    assert "guess" not in str(logs)


def test_a_right_token_is_taken_all_the_same(api: Api) -> None:
    with api.client(None) as stranger:
        guess(stranger, LIMIT + 1)
    for token in (WRITE, READ):
        with api.client(token) as http:
            assert http.get(PATH).status_code == 200


def test_who_sends_no_token_is_not_guessing(api: Api) -> None:
    with api.client(None) as http:
        headers = [{}, {"Authorization": ""}, {"Authorization": "Bearer"}, {"Authorization": "Basic eDp5"}]
        statuses = {http.get(PATH, headers=header).status_code for header in headers * LIMIT}
    assert statuses == {401}
    assert api.keys() == []


def test_all_processes_count_together_and_forget_after_a_minute(api: Api) -> None:
    other = make(api.redis.url)
    with serving(create_app(other)) as url, api.client(None) as here, httpx2.Client(base_url=url) as there:
        guess(here, LIMIT)
        assert guess(there, 1) == [429]
        assert 0 < api.redis.client.ttl(FAILURES) <= 60
        api.redis.client.pexpire(FAILURES, 1)
        eventually(lambda: not api.redis.client.exists(FAILURES))
        assert guess(there, 1) == [401]
    other.store.close()


def test_the_limit_is_a_setting(api: Api) -> None:
    strict = make(api.redis.url, api_failure_limit=1)
    with serving(create_app(strict)) as url, httpx2.Client(base_url=url) as http:
        assert guess(http, 2) == [401, 429]
    strict.store.close()


def test_without_redis_a_wrong_token_stays_wrong_and_nobody_is_locked_out() -> None:
    with CheckedRedis(fsync="no") as redis:
        connector = make(redis.url, api_failure_limit=1)
        with serving(create_app(connector)) as url, httpx2.Client(base_url=url, timeout=30) as http:
            redis.kill()
            assert guess(http, 3) == [401] * 3
            assert http.get("/docs").status_code == 200
            assert http.get(TENANT, headers={"Authorization": f"Bearer {WRITE}"}).status_code == 503
        connector.store.close()
