from __future__ import annotations

import re
from http.client import HTTPConnection
from typing import Any

import httpx2
import pytest
from structlog.testing import capture_logs

from config.api_token import ApiToken, Scope
from tests.workers.api.server import BODY, READ, TENANT, TOKENS, WRITE, Api, is_problem, make, serving
from workers.api.app import create_app
from workers.api.scopes import NEEDED, READING, needed
from workers.tokens import bearer, find_token

READS = [TENANT, "/api/v1/tenants", "/api/v1/replications/x", f"{TENANT}/events", "/api/v1/nothing", "/api", "/api/"]
WRITING = [("PUT", TENANT), ("POST", f"{TENANT}/replications"), ("POST", "/api/v1/replications/x/cancel")]
WRONG = [None, "", "Bearer", "Bearer wrong", f"Basic {WRITE}", WRITE, f"Bearer {WRITE}x", "Bearer \xe4"]


@pytest.mark.parametrize("header", WRONG)
def test_without_a_known_token_everything_is_a_401(api: Api, header: str | None) -> None:
    headers = {} if header is None else {b"Authorization": header.encode("latin-1")}
    with api.client(None) as http:
        for method, path in [("GET", path) for path in READS] + WRITING:
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
            assert "may not do this; it needs the scope o" in document["detail"]  # order, or operate
            assert "insufficient_scope" in response.headers["www-authenticate"]
        is_problem(http.post(f"/api/v1/replications/{replication}/cancel"), 403)
    assert api.redis.client.hgetall("connector:tenant:likvid.shop.aws.sandbox") == before


def test_each_scope_opens_its_routes_and_no_other(api: Api) -> None:
    """What a token may not do is a 403 before anything of the request is looked at; the rest is something else."""
    every = changing(api)
    assert len(every) > 12
    tokens = tuple(ApiToken.of(scope, scope, f"{scope}-token") for scope in Scope)
    connector = make(api.redis.url, tokens=tokens)
    with serving(create_app(connector)) as url, httpx2.Client(base_url=url) as http:
        for method, path in every:
            wanted = {Scope.ADMIN} | needed(method, path)
            opened = {
                scope
                for scope in Scope
                if http.request(method, path, headers={"Authorization": f"Bearer {scope}-token"}).status_code != 403
            }
            assert opened == wanted, (method, path)
    connector.store.close()


def test_every_route_that_changes_something_has_its_scope(api: Api) -> None:
    """A new route needs a row; until then only the scope admin opens it. No row is there for nothing."""
    routes = [f"{method} {path}" for method, path in changing(api)]
    rows = {row: [route for route in routes if re.fullmatch(row, route)] for row in NEEDED}
    assert [row for row, found in rows.items() if not found] == []
    assert sorted(route for found in rows.values() for route in found) == sorted(routes)


def changing(api: Api) -> list[tuple[str, str]]:
    """Every method and path of the API that changes something, with names filled in."""
    paths = httpx2.get(f"{api.url}/openapi.json").json()["paths"]
    return [
        (method.upper(), re.sub(r"\{\w+\}", "x", path))
        for path, methods in paths.items()
        for method in methods
        if method.upper() not in READING
    ]


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


def test_behind_a_prefix_the_same_paths_need_a_token(api: Api) -> None:
    async def prefixed(scope: Any, receive: Any, send: Any) -> None:
        """Call the application as uvicorn does with `--root-path /aws`."""
        if scope["type"] == "http":
            path, raw = f"/aws{scope['path']}", b"/aws" + scope["raw_path"]
            scope = {**scope, "root_path": "/aws", "path": path, "raw_path": raw}
        await api.app(scope, receive, send)

    with serving(prefixed, lifespan="off") as url, httpx2.Client(base_url=url) as http:
        for path in ("/api/v1/tenants", "/metrics", "/api/meshobjects/meshtenants"):
            assert http.get(path).status_code == 401, path
        assert http.delete(TENANT).status_code == 401
        assert http.delete(TENANT, headers={"Authorization": f"Bearer {READ}"}).status_code == 403
        assert http.get("/api/v1/tenants", headers={"Authorization": f"Bearer {READ}"}).status_code == 200
        assert http.get("/metrics", auth=("prometheus", READ)).status_code == 200
        answer = http.post("/sign-in", data={"token": READ})
        assert answer.headers["location"] == "/aws/"
        assert "Path=/aws;" in answer.headers["set-cookie"]
