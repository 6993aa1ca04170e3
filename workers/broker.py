"""Celery's Redis transport, with a check of every message before Celery sees it (tasks/engine/message_guard.py).

Why here: kombu reads the message and writes it down as unacknowledged before any of Celery's hooks runs, and a message
that it cannot read ends the worker. redis-py's response callback of BRPOP is the one place before that.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import structlog
from kombu.transport.redis import Channel, Transport
from redis import RedisError
from redis.exceptions import ConnectionError as RedisConnectionError

from config.celery import QUEUE
from tasks.engine.message_guard import MessageRefused, check_message
from tasks.worker import own_worker
from workers.app import app

SEPARATOR = "\x06\x16"  # kombu's own, between a queue and its priority
log = structlog.get_logger(__name__)


class CheckedChannel(Channel):
    """A channel that drops what is not ours, counts it and logs it."""

    def _create_client(self, asynchronous: bool = False) -> Any:
        client: Any = super()._create_client(asynchronous=asynchronous)  # type: ignore[no-untyped-call]  # kombu
        client.set_response_callback("BRPOP", _checked)
        return client

    def _connparams(self, asynchronous: bool = False) -> Any:
        """Refuse to connect for a connection that is closed.

        When Redis breaks away kombu closes the connection twice; the second time it wants to put unacknowledged
        messages back, finds no parameters, and the AttributeError would end the worker. After an error of Redis's the
        worker reconnects, and the pump sends those messages again.
        """
        if self.connection.client is None:
            raise RedisConnectionError("the connection to Redis is closed")
        return super()._connparams(asynchronous=asynchronous)  # type: ignore[no-untyped-call]  # kombu


class CheckedTransport(Transport):
    """The Redis transport with checked channels."""

    Channel = CheckedChannel


def _checked(answer: Any, **_options: Any) -> tuple[Any, Any] | None:
    """Return what BRPOP answered, or None, as when there was nothing, instead of a message that is not ours."""
    if not answer:
        return None
    queue, message = answer
    if queue.decode().split(SEPARATOR)[0] != QUEUE:
        return queue, message  # a reply to `celery inspect` or Flower
    try:
        check_message(message, _runs())
    except MessageRefused as refusal:
        _count(str(refusal), len(message))
        return None
    return queue, message


def _count(reason: str, size: int) -> None:
    log.warning("a message in the queue was rejected", reason=reason, bytes=size)
    try:
        own_worker().store.counts.reject(reason)
    except RedisError as error:
        log.warning("a rejected message could not be counted", error=type(error).__name__)


@cache
def _runs() -> dict[str, Callable[..., Any]]:
    return {name: task.run for name, task in app.tasks.items()}
