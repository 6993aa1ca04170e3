"""A process that collects what is begun, and kills itself: `python -m tests.proof.collecting 7`.

The clock is asked around every page, within transactions too. At the tick that it was told, the process is gone by
SIGKILL, as by a machine that loses its power: nothing is given back, and nothing is told to anybody.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime

from config.environment import load_settings
from tasks.connector import make_connector
from tasks.metering import rounds
from tasks.worker import Worker


def dying(after: int) -> Callable[[], datetime]:
    """Return a clock that kills its process; 0: it does not."""
    ticks = 0

    def now() -> datetime:
        nonlocal ticks
        ticks += 1
        if ticks == after:
            os.kill(os.getpid(), signal.SIGKILL)
        return datetime.now(UTC)

    return now


def main() -> None:
    """Collect until the end, or death."""
    print(rounds.collect(Worker.of(make_connector(load_settings(), secrets=True)), dying(int(sys.argv[1]))))


if __name__ == "__main__":
    main()
