"""Processes that stand still for a while: a paused machine, a disk that does not answer."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any


@contextmanager
def standing_still(process: int) -> Iterator[None]:
    """Stop a process meanwhile."""
    os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGCONT)


def frozen(redis: Any) -> AbstractContextManager[None]:
    """Stop the server of this client: its connections stay open, and nothing is answered."""
    return standing_still(int(redis.info("server")["process_id"]))
