"""Wait for a condition with a deadline; the only way in which a test lets time pass."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from time import monotonic
from typing import TypeVar

T = TypeVar("T")
LONG = 300.0  # seconds: far more than anything takes, also on a machine that has much else to do


def eventually(condition: Callable[[], T | None], seconds: float = LONG, every: float = 0.02) -> T:
    """Return the condition's first true answer; AssertionError with its last answer after `seconds`."""
    deadline = monotonic() + seconds
    pause = Event()
    while True:
        answer = condition()
        if answer:
            return answer
        assert monotonic() < deadline, f"not within {seconds} s; last answer: {answer!r}"
        pause.wait(every)
