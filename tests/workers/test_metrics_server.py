"""A worker's own page of metrics: for whoever has a token, on a port that nobody else has."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from threading import Event

import httpx2
import pytest

from config.api_token import ApiToken
from tasks.metrics.counters import Counters
from tasks.model.call import CallRecord
from tasks.model.desired import TenantId
from tasks.model.replication import State
from tests.security.processes import free_port
from tests.workers.api.server import READ, TOKENS
from workers.metrics_server import MetricsServer, PortTaken
from workers.runner.health_server import HealthServer

HOST = "127.0.0.1"
HANGING = Event()


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Counters, int]]:
    counters, port = Counters(), free_port()
    server = MetricsServer(counters.registry, TOKENS, lambda: not HANGING.is_set(), HOST, port)
    server.start()
    yield counters, port
    server.stop()


def get(port: int, header: str | None, method: str = "GET", path: str = "/metrics") -> httpx2.Response:
    with httpx2.Client(base_url=f"http://{HOST}:{port}", verify=False) as http:
        return http.request(method, path, headers={} if header is None else {"Authorization": header})


def test_replications_of_the_day_are_told_from_orders(served: tuple[Counters, int]) -> None:
    counters, port = served
    counters.ended(TenantId("w", "p", "aws.x"), "replication", State.FAILED, timedelta(seconds=70), daily=True)

    text = get(port, f"Bearer {READ}").text

    labels = 'chain="replication",platform="aws.x",state="FAILED"'
    assert f'connector_replication_seconds_sum{{cause="day",{labels}}} 70.0' in text


def test_who_has_a_token_sees_what_was_counted(served: tuple[Counters, int]) -> None:
    counters, port = served
    for code in (None, "Throttling", "Throttling"):
        counters.called(CallRecord("organizations", "list_accounts", False, "111111111111", "r-1", code, 0.07))

    text = get(port, f"Bearer {READ}").text

    labels = 'code="Throttling",operation="list_accounts",service="organizations"'
    assert f"connector_aws_call_seconds_count{{{labels}}} 2.0" in text
    assert f'connector_aws_call_seconds_bucket{{code="Throttling",le="0.05",{labels[18:]}}} 0.0' in text
    assert "process_resident_memory_bytes" in text
    assert "111111111111" not in text
    assert get(port, httpx2.BasicAuth("any", READ)._auth_header).status_code == 200


def test_head_answers_as_get_without_the_body(served: tuple[Counters, int]) -> None:
    whole, head = (get(served[1], f"Bearer {READ}", method) for method in ("GET", "HEAD"))

    assert (head.status_code, head.content, head.headers["content-type"]) == (200, b"", whole.headers["content-type"])
    assert get(served[1], None, "HEAD").status_code == 401


@pytest.mark.parametrize("header", [None, "", "Basic", "Basic !", "Basic Og==", "Bearer", f"Bearer {READ}x", READ])
def test_nobody_else_sees_anything(served: tuple[Counters, int], header: str | None) -> None:
    answer = get(served[1], header)

    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Basic realm="connector"')
    assert "connector_" not in answer.text


def test_whether_the_worker_lives_is_told_to_everybody(served: tuple[Counters, int]) -> None:
    lives = get(served[1], None, path="/healthz")
    HANGING.set()
    hangs = get(served[1], None, path="/healthz")
    HANGING.clear()

    assert (lives.status_code, lives.text) == (200, "OK\n")
    assert (hangs.status_code, hangs.text) == (503, "The worker has stopped looking for work.\n")


def test_a_port_that_is_taken_is_named(served: tuple[Counters, int]) -> None:
    with pytest.raises(
        PortTaken, match=rf"CONNECTOR_METRICS_PORT = {served[1]}.*Several workers on one machine need a"
    ):
        MetricsServer(Counters().registry, (ApiToken.of("a", "read", "b"),), bool, HOST, served[1])


def test_one_that_never_started_stops() -> None:
    MetricsServer(Counters().registry, (), bool, HOST, free_port()).stop()


@pytest.mark.parametrize("path", ["/healthz", "/metrics"])
def test_a_runners_page_answers_head_as_get_without_the_body(path: str) -> None:
    server = HealthServer(Counters().registry, lambda: True, HOST, free_port())
    server.start()
    try:
        with httpx2.Client(base_url=f"http://{HOST}:{server.port}", verify=False) as http:
            whole, head = http.get(path), http.head(path)
    finally:
        server.stop()

    assert (head.status_code, head.content) == (whole.status_code, b"")
    assert whole.content
    assert head.headers["content-type"] == whole.headers["content-type"]
