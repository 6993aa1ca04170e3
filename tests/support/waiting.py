"""Wait for a condition with a deadline; the only way in which a test lets time pass."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from threading import Event
from time import monotonic
from typing import TypeVar

T = TypeVar("T")
LONG = 300.0  # seconds: far more than anything takes, also on a machine that has much else to do
SHORTEST, LONGEST = 0.01, 0.1  # seconds between two looks


def patience(seconds: float) -> float:
    """Return how long that takes at most on a machine that has more to do than it has cores.

    The load of the last minute knows little of what began seconds ago, so what wants to run now counts too.
    """
    return seconds * max(1.0, max(os.getloadavg()[0], _wanting_to_run()) / (os.cpu_count() or 1))


def _wanting_to_run() -> int:
    numbers = Path("/proc/loadavg")  # Linux; "0.20 0.18 0.12 1/80 11206": the fourth has what runs or wants to
    return int(numbers.read_text().split()[3].partition("/")[0]) - 1 if numbers.exists() else 0


def eventually(condition: Callable[[], T | None], seconds: float = LONG, every: float | None = None) -> T:
    """Return the condition's first true answer; AssertionError with its last answer after `seconds`.

    every   seconds between two looks; None: the longer it takes, the more, for looks cost time
    """
    began, pause = monotonic(), Event()
    while True:
        answer = condition()
        if answer:
            return answer
        waited = monotonic() - began
        assert waited < seconds, f"not within {seconds} s; last answer: {answer!r}"
        pause.wait(min(max(waited / 10, SHORTEST), LONGEST) if every is None else every)
