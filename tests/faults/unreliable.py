"""The connector's own Celery app on a bad broker: `celery -A tests.faults.unreliable worker`.

What happens to a message that a worker sends stands in the file `broker` of the worker's working directory:

    (nothing)       it is delivered
    twice           it is delivered two times
    lose            every third one never arrives
    disorder        it is delivered after a random time, so that later ones overtake it
    late            it is delivered, and a copy of one from long ago after it, with an old dispatch number
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from itertools import count
from pathlib import Path
from threading import Lock, Timer
from typing import Any

from config.celery import QUEUE
from workers.app import app  # noqa: F401 (what `celery -A` looks for)
from workers.celery_worker import TRANSPORTS
from workers.checked_broker import CheckedChannel, CheckedTransport

FILE = "broker"
LONGEST_DELAY = 0.4  # seconds, in `disorder`
OLD = 20  # messages between a message and its copy in `late`
Arrival = tuple[float, Any]  # seconds after it is sent, message


class Broker:
    """What each message becomes."""

    def __init__(self) -> None:
        self.modes: dict[str, Callable[[Any], list[Arrival]]] = {
            "": lambda message: [(0, message)],
            "twice": lambda message: [(0, message), (0, message)],
            "lose": lambda message: [] if next(self._number) % 3 == 0 else [(0, message)],
            "disorder": lambda message: [(self._chance.uniform(0, LONGEST_DELAY), message)],
            "late": self._late,
        }
        self._number = count(1)
        self._sent: deque[Any] = deque(maxlen=OLD)
        self._chance = random.Random(3)
        self._lock = Lock()

    def deliver(self, message: Any) -> list[Arrival]:
        """Return what arrives when the message is sent."""
        path = Path(FILE)
        mode = path.read_text() if path.exists() else ""
        with self._lock:
            return self.modes[mode](message)

    def _late(self, message: Any) -> list[Arrival]:
        old = [(0.0, self._sent[0])] if len(self._sent) == OLD else []
        self._sent.append(message)
        return [(0, message), *old]


broker = Broker()


class UnreliableChannel(CheckedChannel):
    """A channel on which our queue is unreliable."""

    def _put(self, queue: str, message: Any, **options: Any) -> None:
        def put(each: Any) -> None:
            super(UnreliableChannel, self)._put(queue, each, **options)  # type: ignore[no-untyped-call]  # kombu

        for delay, each in broker.deliver(message) if queue == QUEUE else [(0.0, message)]:
            if delay:
                Timer(delay, put, [each]).start()
            else:
                put(each)


class UnreliableTransport(CheckedTransport):
    """Redis, unreliable for those who send."""

    Channel = UnreliableChannel


TRANSPORTS["redis"] = f"{__name__}:UnreliableTransport"
