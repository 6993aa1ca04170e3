from __future__ import annotations

from http.client import HTTPConnection

import httpx2
import pytest
from structlog.testing import capture_logs

from config.api_token import ApiToken
from tests.workers.api.server import BODY, READ, TENANT, TOKENS, WRITE, Api, is_problem, make, serving
from workers.api.app import create_app
from workers.tokens import bearer, find_token

READING = [TENANT, "/api/v1/tenants", "/api/v1/replications/x", f"{TENANT}/events", "/api/v1/nothing", "/api", "/api/"]
WRITING = [("PUT", TENANT), ("POST", f"{TENANT}/replications"), ("POST", "/api/v1/replications/x/cancel")]
WRONG = [None, "", "Bearer", "Bearer wrong", f"Basic {WRITE}", WRITE, f"Bearer {WRITE}x", "Bearer \xe4"]


@pytest.mark.parametrize("header", WRONG)
def test_without_a_known_token_everything_is_a_401(api: Api, header: str | None) -> None:
    headers = {} if header is None else {b"Authorization": header.encode("latin-1")}
    with api.client(None) as http:
        for method, path in [("GET", path) for path in READING] + WRITING:
            response = http.request(method, path, headers=headers, json=BODY)
            is_problem(response, 401)
            assert response.headers["www-authenticate"].startswith("Bearer")
    assert set(api.keys()) <= {"connector:failures:127.0.0.1"}


def test_a_stranger_learns_nothing_of_a_bad_body(api: Api) -> None:
    with api.client("wrong") as http:
        is_problem(http.put(TENANT, content=b"{", headers={"Content-Type": "application/json"}), 401)
        is_problem(http.put("/api/v1/tenants/-/-/-", json=BODY), 401)
        is_problem(http.put(TENANT, content=b"x" * 1_000_000), 401)


@pytest.mark.parametrize(("path", "status"), [(TENANT, 401), ("/metrics", 401), ("/healthz", 405)])
def test_nobody_waits_for_the_body_of_a_stranger(api: Api, path: str, status: int) -> None:
    """A body is announced, and never comes: the answer is there all the same."""
    connection = HTTPConnection(api.url.removeprefix("http://"), timeout=5)
    connection.putrequest("PUT", path)
    connection.putheader("Content-Length", "1000000")
    connection.putheader("Content-Type", "application/json")
    connection.endheaders(b'{"landingZone": ')
    assert connection.getresponse().status == status
    connection.close()


def test_a_stranger_who_sends_it_all_still_hears_the_answer(api: Api) -> None:
    with api.client("wrong") as http:
        for _ in range(2):  # and the connection can be used again
            is_problem(http.put(TENANT, content=b"x" * 20_000_000), 401)


def test_a_token_is_not_repeated_in_any_answer(api: Api) -> None:
    with api.client("not-a-known-token") as http:
        assert "not-a-known-token" not in http.get(TENANT).text


def test_a_reading_token_may_read_and_not_write(api: Api) -> None:
    with api.client(WRITE) as writer:
        replication = writer.put(TENANT, json=BODY).json()["replicationId"]
    before = api.redis.client.hgetall("connector:tenant:likvid.shop.aws.sandbox")
    with api.client(READ) as http:
        for path in (TENANT, "/api/v1/tenants", f"/api/v1/replications/{replication}"):
            assert http.get(path).status_code == 200
        for method, path in WRITING:
            response = http.request(method, path, json=BODY)
            document = is_problem(response, 403)
            assert "write" in document["detail"]
            assert "insufficient_scope" in response.headers["www-authenticate"]
        is_problem(http.post(f"/api/v1/replications/{replication}/cancel"), 403)
    assert api.redis.client.hgetall("connector:tenant:likvid.shop.aws.sandbox") == before


def test_without_configured_tokens_nobody_may_call(api: Api) -> None:
    connector = make(api.redis.url, tokens=())
    with capture_logs() as logs, serving(create_app(connector)) as url:
        is_problem(httpx2.get(f"{url}{TENANT}", headers={"Authorization": f"Bearer {WRITE}"}), 401)
        is_problem(httpx2.get(f"{url}{TENANT}"), 401)
        assert httpx2.get(f"{url}/healthz").status_code == 200
    assert "no API tokens are configured" in str(logs)
    connector.store.close()


def test_every_configured_token_is_found() -> None:
    tokens = [ApiToken.of(f"t{number}", "read", f"token-{number}") for number in range(3)]
    assert [find_token(f"token-{number}", tokens) for number in range(3)] == tokens
    assert find_token(bearer(f"bearer  {WRITE} "), TOKENS) == TOKENS[0]
    assert find_token("x" * 5000, TOKENS) is None


def test_no_secret_is_in_any_answer(api: Api, http: httpx2.Client) -> None:
    replication = http.put(TENANT, json=BODY).json()["replicationId"]
    paths = [TENANT, "/api/v1/tenants", f"/api/v1/replications/{replication}", "/openapi.json", "/readyz", "/docs"]
    answers = "".join(http.get(path).text for path in paths)
    secrets = [*api.connector.secrets, *(token.sha256 for token in TOKENS), WRITE, READ]
    assert len(secrets) > 4
    assert [secret for secret in secrets if secret in answers] == []
