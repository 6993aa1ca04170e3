"""A worker's transport: it checks every message before Celery sees it (tasks/engine/message_guard.py).

Why here: kombu reads the message and writes it down as unacknowledged before any of Celery's hooks runs, and a message
that it cannot read ends the worker. redis-py's response callback of BRPOP is the one place before that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import structlog
from celery.worker import state
from kombu.transport import redis as kombu
from redis import RedisError

from config.celery import QUEUE, SEPARATOR
from tasks.engine.message_guard import MessageRefused, check_message
from tasks.state.counts import Rejection
from tasks.worker import own_worker
from workers import broker
from workers.app import app

LOOK_SECONDS = 0.02  # until the next look for a free thread; Redis, if idle, takes up to 0.1. Else 1, as in kombu
log = structlog.get_logger(__name__)


class _Qos(kombu.QoS):
    """Knows which messages are not acknowledged yet: each of them holds its thread.

    An acknowledgement that Redis does not take is not sent again (Celery logs it). kombu would keep such a message for
    good, and with it the thread, although the task is over. The message comes once more when its time is up: a
    replication's is stale by then, and the rest may run twice.
    """

    def ack(self, delivery_tag: str) -> None:
        """Acknowledge a message. Raises redis.RedisError; the thread is free all the same."""
        try:
            super().ack(delivery_tag)  # type: ignore[no-untyped-call]  # kombu
        finally:
            self._quick_ack(delivery_tag)

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        """Reject a message. Raises redis.RedisError; the thread is free all the same."""
        try:
            super().reject(delivery_tag, requeue)  # type: ignore[no-untyped-call]  # kombu
        finally:
            self._quick_ack(delivery_tag)


class _Checking:
    """What both channels below have in common.

    They drop what is not ours, count it and log it. And of what stands behind replications they take no more at once
    than there are threads for (config/threads.py): the rest stays in the queue, for other workers too.
    """

    QoS = _Qos
    rooms: Mapping[int, int] = {}  # priority -> how many messages of it are taken at once; of others as many as come

    def _create_client(self, asynchronous: bool = False) -> Any:
        client: Any = super()._create_client(asynchronous=asynchronous)  # type: ignore[misc]  # of the class it is mixed into
        client.set_response_callback("BRPOP", _checked)
        return client

    def _brpop_start(self, timeout: float | None = None) -> None:
        """Wait for a message of those that there are threads for; for none while all are taken.

        Those can be more than Celery knows of: what came by a connection that has broken away has its thread still.
        """
        taken = self._taken()
        if 0 < self.qos.prefetch_count <= taken.total():  # type: ignore[attr-defined]  # of the class it is mixed into
            return  # 0: it takes as many as come, such as replies to `celery inspect` and of the other workers
        full = {priority for priority, room in self.rooms.items() if taken[priority] >= room}
        self.priority_steps = [each for each in kombu.PRIORITY_STEPS if each not in full]
        try:
            super()._brpop_start(LOOK_SECONDS if full else timeout)  # type: ignore[misc]  # of the class it is mixed into
        finally:
            del self.priority_steps  # those of the class again: they also say into which list a message is put

    def _taken(self) -> Counter[int]:
        """Count the threads that are taken, by priority: by messages that are not acknowledged yet.

        Or that came by a connection which has broken away: their tasks run on, and this channel does not know of them.
        """
        qos = self.qos  # type: ignore[attr-defined]  # as above
        done = qos._dirty  # acknowledged a moment ago  # noqa: SLF001 (as in kombu's own QoS.can_consume)
        taken = {message for tag, message in list(qos._delivered.items()) if tag not in done}  # noqa: SLF001 (as above)
        running = [task() for task in list(state.active_requests.data)]  # a copy at once: threads begin and end tasks
        taken |= {request.message for request in running if request is not None}
        return Counter(self.priority(message.properties.get("priority") or 0) for message in taken)  # type: ignore[attr-defined]  # as above


class CheckedChannel(_Checking, broker.Channel):
    """A channel to Redis's own address."""

    from_transport_options: Any = (*broker.Channel.from_transport_options, "rooms")


class CheckedSentinelChannel(_Checking, broker.SentinelChannel):
    """A channel to what the Sentinels call the primary."""

    from_transport_options: Any = (*broker.SentinelChannel.from_transport_options, "rooms")


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
