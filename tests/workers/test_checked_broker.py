"""How many messages a worker takes at once of those that stand behind replications."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from time import monotonic
from typing import Any

import kombu
import pytest
from celery.worker import state
from redis import RedisError

from config.celery import PULLS, QUESTIONS, QUEUE, QUEUES, TICKS
from tests.support.redis import CheckedRedis
from tests.support.stopped import frozen
from tests.support.waiting import eventually
from workers import checked_broker
from workers.checked_broker import CheckedChannel, CheckedSentinelChannel, CheckedTransport

ROOMS = {PULLS: 1, TICKS: 1, QUESTIONS: 2}
KOMBU: Any = kombu  # its functions have no types
WAIT = 0.5  # seconds in which one more would come, if it could


@pytest.fixture
def redis(monkeypatch: pytest.MonkeyPatch) -> Iterator[CheckedRedis]:
    monkeypatch.setattr(checked_broker, "check_message", lambda *_: None)
    monkeypatch.setattr(checked_broker, "_runs", dict)
    with CheckedRedis() as server:
        yield server
        server.client.delete(*QUEUES)


@contextmanager
def taking(redis: CheckedRedis, taken: list[Any], most: int, **options: Any) -> Iterator[Any]:
    """Let a worker with threads for `most` messages take what there is."""
    options["rooms"] = ROOMS
    with KOMBU.Connection(redis.url, transport=CheckedTransport, transport_options=options) as connection:
        consumer = KOMBU.Consumer(
            connection.channel(), [KOMBU.Queue(QUEUE, routing_key=QUEUE)], on_message=taken.append
        )
        consumer.qos(prefetch_count=most)
        with consumer:
            yield connection


def send(redis: CheckedRedis, *priorities: int) -> None:
    with KOMBU.Connection(redis.url, transport=CheckedTransport) as connection:
        for priority in priorities:
            KOMBU.Producer(connection).publish({"n": priority}, routing_key=QUEUE, priority=priority)


def take(connection: Any, taken: list[Any], expected: list[int]) -> None:
    def came() -> bool:
        listen(connection, 0.05)
        return len(taken) >= len(expected)

    eventually(came)
    listen(connection, WAIT)
    assert [message.payload["n"] for message in taken] == expected


def listen(connection: Any, seconds: float) -> None:
    end = monotonic() + seconds
    while (left := end - monotonic()) > 0:
        with suppress(TimeoutError):
            connection.drain_events(timeout=left)


def test_it_takes_as_many_as_there_are_threads_for(redis: CheckedRedis) -> None:
    taken: list[Any] = []
    send(redis, *[QUESTIONS] * 4, *[TICKS] * 3, PULLS, *[0] * 5)
    with taking(redis, taken, 20) as connection:
        at_once = [*[0] * 5, PULLS, TICKS, QUESTIONS, QUESTIONS]
        take(connection, taken, at_once)

        taken[-1].ack()
        take(connection, taken, [*at_once, QUESTIONS])
        taken[6].ack()
        send(redis, 0)
        take(connection, taken, [*at_once, QUESTIONS, 0, TICKS])
        taken[-1].reject()
        take(connection, taken, [*at_once, QUESTIONS, 0, TICKS, TICKS])


def test_what_it_does_not_take_another_worker_takes(redis: CheckedRedis) -> None:
    first: list[Any] = []
    second: list[Any] = []
    send(redis, *[QUESTIONS] * 5)
    with taking(redis, first, 20) as one, taking(redis, second, 20) as other:
        take(one, first, [QUESTIONS] * 2)
        take(other, second, [QUESTIONS] * 2)


class Running:
    """What Celery keeps of a task that a thread runs."""

    def __init__(self, message: Any) -> None:
        self.message = message


def test_what_came_by_a_connection_that_broke_away_has_its_thread_still(redis: CheckedRedis) -> None:
    first: list[Any] = []
    second: list[Any] = []
    send(redis, *[QUESTIONS] * 4)
    with taking(redis, first, 20) as connection:
        take(connection, first, [QUESTIONS] * 2)
        running = [Running(message) for message in first]
        state.active_requests.update(running)

    with taking(redis, second, 20) as connection:
        take(connection, second, [])
        state.active_requests.discard(running.pop())
        take(connection, second, [QUESTIONS])
        state.active_requests.discard(running.pop())
        take(connection, second, [QUESTIONS] * 2)


@pytest.mark.parametrize("settle", ["ack", "reject"])
def test_whose_acknowledgement_redis_does_not_take_gives_its_thread_back(redis: CheckedRedis, settle: str) -> None:
    taken: list[Any] = []
    send(redis, PULLS, PULLS)
    with taking(redis, taken, 20, socket_timeout=0.5) as connection:
        take(connection, taken, [PULLS])
        with frozen(redis.client), pytest.raises(RedisError):
            getattr(taken[0], settle)()

        take(connection, taken, [PULLS] * 2)
        taken[1].ack()
    redis.client.delete("unacked", "unacked_index")  # from where it would come again


def test_a_channel_without_a_limit_takes_what_comes(redis: CheckedRedis) -> None:
    """As that by which a worker that starts asks the others which tasks were revoked."""
    taken: list[Any] = []
    send(redis, 0)
    with taking(redis, taken, 0) as connection:
        take(connection, taken, [0])


def test_a_message_counts_where_it_stands_also_with_a_priority_between(redis: CheckedRedis) -> None:
    taken: list[Any] = []
    send(redis, TICKS + 1, TICKS + 2)
    with taking(redis, taken, 20) as connection:
        take(connection, taken, [TICKS + 1])


@pytest.mark.parametrize("channel", [CheckedChannel, CheckedSentinelChannel])
def test_every_channel_is_told_of_the_threads(channel: Any) -> None:
    assert "rooms" in channel.from_transport_options
