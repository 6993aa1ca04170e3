"""A worker's transport: it checks every message before Celery sees it (tasks/engine/message_guard.py).

Why here: kombu reads the message and writes it down as unacknowledged before any of Celery's hooks runs, and a message
that it cannot read ends the worker. redis-py's response callback of BRPOP is the one place before that.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import structlog
from redis import RedisError

from config.celery import QUEUE, SEPARATOR
from tasks.engine.message_guard import MessageRefused, check_message
from tasks.state.counts import Rejection
from tasks.worker import own_worker
from workers import broker
from workers.app import app

log = structlog.get_logger(__name__)


class _Checking:
    """What both channels below have in common: they drop what is not ours, count it and log it."""

    def _create_client(self, asynchronous: bool = False) -> Any:
        client: Any = super()._create_client(asynchronous=asynchronous)  # type: ignore[misc]  # of the class it is mixed into
        client.set_response_callback("BRPOP", _checked)
        return client


class CheckedChannel(_Checking, broker.Channel):
    """A channel to Redis's own address."""


class CheckedSentinelChannel(_Checking, broker.SentinelChannel):
    """A channel to what the Sentinels call the primary."""


class CheckedTransport(broker.Transport):
    """The transport to Redis's own address."""

    Channel = CheckedChannel


class CheckedSentinelTransport(broker.SentinelTransport):
    """The transport by way of Sentinels."""

    Channel = CheckedSentinelChannel


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
        _count(refusal.reason, len(message))
        return None
    return queue, message


def _count(reason: Rejection, size: int) -> None:
    log.warning("a message in the queue was rejected", reason=reason, bytes=size)
    try:
        own_worker().store.counts.reject(reason)
    except RedisError as error:
        log.warning("a rejected message could not be counted", error=type(error).__name__)


@cache
def _runs() -> dict[str, Callable[..., Any]]:
    return {name: task.run for name, task in app.tasks.items()}
