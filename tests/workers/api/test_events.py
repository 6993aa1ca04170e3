from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from itertools import islice
from typing import Any

import httpx2
import pytest
from httpx2 import ServerSentEvent

from tasks.model.desired import TenantId
from tests.support.redis import CheckedRedis
from tests.support.waiting import eventually
from tests.workers.api.server import BODY, TENANT, Api, is_problem, running

EVENTS = f"{TENANT}/events"
SHOP = TenantId("likvid", "shop", "aws.sandbox")


@contextmanager
def following(http: httpx2.Client, **options: Any) -> Iterator[Iterator[ServerSentEvent]]:
    with http.sse(EVENTS, **options) as source:
        assert source.response.status_code == 200, source.response.read()
        yield iter(source)


@pytest.fixture
def ordered(http: httpx2.Client) -> str:
    return str(http.put(TENANT, json=BODY).json()["replicationId"])


def data(event: ServerSentEvent) -> Any:
    return event.json()


def test_stored_events_come_first_then_new_ones(api: Api, http: httpx2.Client, ordered: str) -> None:
    with following(http) as stream:
        first = next(stream)
        assert first.event == "replication"
        assert data(first)["state"] == "QUEUED"
        assert data(first)["replication"] == ordered
        api.store.events.emit(SHOP, {"type": "write", "call": "CreateAccount"})
        second = next(stream)
        assert (second.event, data(second)["call"]) == ("write", "CreateAccount")
        api.begin(ordered)
        assert any(data(event).get("state") == "RUNNING" for event in stream)
        for number in range(250):  # more than one XREAD takes
            api.store.events.emit(SHOP, {"type": "many", "number": number})
        many = (data(event)["number"] for event in stream if event.event == "many")
        assert list(islice(many, 250)) == list(range(250))


def test_an_event_without_a_type_is_a_message(api: Api, http: httpx2.Client, ordered: str) -> None:
    api.store.events.emit(SHOP, {"x": "a\nb\r\nc"})
    with following(http) as stream:
        event = list(islice(stream, 2))[1]
        assert (event.event, event.json()) == ("message", {"x": "a\nb\r\nc"})


def test_a_cut_off_stream_goes_on_where_it_was(api: Api, http: httpx2.Client, ordered: str) -> None:
    for number in range(3):
        api.store.events.emit(SHOP, {"type": "step", "number": number})
    with following(http) as stream:
        seen = list(islice(stream, 2))
    for options in ({"headers": {"Last-Event-ID": seen[1].id}}, {"params": {"after": seen[1].id}}):
        with following(http, **options) as stream:
            assert [data(event)["number"] for event in islice(stream, 2)] == [1, 2]
    with following(http, headers={"Last-Event-ID": seen[1].id}, params={"after": "0"}) as stream:
        assert data(next(stream))["number"] == 1


def test_only_new_events_may_be_asked_for(api: Api, http: httpx2.Client, ordered: str) -> None:
    with following(http, params={"after": "$"}) as stream, ThreadPoolExecutor(1) as pool:
        arrived = pool.submit(next, stream)

        def answered() -> bool:
            api.store.events.emit(SHOP, {"type": "new"})
            return arrived.done()

        eventually(answered)
        assert arrived.result().event == "new"


@pytest.mark.parametrize("position", ["x", "-", "1-", "1-2-3", "-1", "1" * 21, "99999999999999999999", "+", "\u0663"])
def test_a_position_that_is_none_is_named(http: httpx2.Client, ordered: str, position: str) -> None:
    document = is_problem(http.get(EVENTS, params={"after": position}), 422)
    assert [error["field"] for error in document["errors"]] == ["after"]
    if position.isascii():
        document = is_problem(http.get(EVENTS, headers={"Last-Event-ID": position}), 422)
        assert [error["field"] for error in document["errors"]] == ["Last-Event-ID"]


def test_the_heartbeat_is_a_comment(api: Api, ordered: str) -> None:
    often = running(api.redis, heartbeat=timedelta(seconds=0.05))
    with often as other, other.client() as http, http.stream("GET", EVENTS) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        assert response.headers["cache-control"] == "no-store"
        assert any(line.startswith(":") for line in response.iter_lines())


def test_a_stream_gives_its_place_back_when_the_client_leaves(api: Api, http: httpx2.Client, ordered: str) -> None:
    streams = api.app.state.streams
    eventually(lambda: streams.open == 0)
    with following(http) as stream:
        next(stream)
        assert streams.open == 1
    eventually(lambda: streams.open == 0)


def test_streams_are_bounded(api: Api, ordered: str) -> None:
    with running(api.redis, most_streams=1) as narrow, narrow.client() as http:
        with following(http) as stream:
            next(stream)
            response = http.get(EVENTS)
            is_problem(response, 503)
            assert response.headers["retry-after"]
        eventually(lambda: narrow.app.state.streams.open == 0)
        with following(http) as stream:
            next(stream)


def test_a_stream_ends_when_redis_goes_away() -> None:
    with CheckedRedis() as redis, running(redis) as api, api.client() as http:
        http.put(TENANT, json=BODY)
        with following(http) as stream:
            next(stream)
            redis.kill()
            assert list(stream) == []
