"""The connector's own Celery app on a bad broker: `celery -A tests.faults.unreliable worker`.

What happens to a message that a worker sends stands in the file `broker` of the worker's working directory:

    (nothing)       it is delivered
    twice           it is delivered two times
    lose            every third one never arrives
    disorder        it waits with up to two others, and any of them is delivered instead
    late            it is delivered, and a copy of one from long ago after it, with an old dispatch number
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterable
from itertools import count
from pathlib import Path
from threading import Lock
from typing import Any

from kombu.transport.redis import Channel, Transport

from config.celery import QUEUE
from workers.app import app

FILE = "broker"
HELD = 3  # messages at most that wait in `disorder`
OLD = 20  # messages between a message and its copy in `late`


class Broker:
    """What each message becomes."""

    def __init__(self) -> None:
        self.modes: dict[str, Callable[[Any], Iterable[Any]]] = {
            "": lambda message: [message],
            "twice": lambda message: [message, message],
            "lose": lambda message: [] if next(self._number) % 3 == 0 else [message],
            "disorder": self._disorder,
            "late": self._late,
        }
        self._number = count(1)
        self._held: list[Any] = []
        self._sent: deque[Any] = deque(maxlen=OLD)
        self._chance = random.Random(3)
        self._lock = Lock()

    def deliver(self, message: Any) -> list[Any]:
        """Return what arrives when the message is sent."""
        path = Path(FILE)
        mode = path.read_text() if path.exists() else ""
        with self._lock:
            return list(self.modes[mode](message))

    def _disorder(self, message: Any) -> Iterable[Any]:
        self._held.append(message)
        if len(self._held) > self._chance.randrange(HELD):
            yield self._held.pop(self._chance.randrange(len(self._held)))

    def _late(self, message: Any) -> Iterable[Any]:
        yield message
        if len(self._sent) == OLD:
            yield self._sent[0]
        self._sent.append(message)


broker = Broker()


class UnreliableChannel(Channel):
    """A channel on which our queue is unreliable."""

    def _put(self, queue: str, message: Any, **options: Any) -> None:
        for each in broker.deliver(message) if queue == QUEUE else [message]:
            super()._put(queue, each, **options)  # type: ignore[no-untyped-call]  # kombu has no types


class UnreliableTransport(Transport):
    """Redis, unreliable for those who send."""

    Channel = UnreliableChannel


app.conf.broker_transport = f"{__name__}:UnreliableTransport"
