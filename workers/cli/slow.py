"""Say what takes long: a command that is silent for longer than a breath looks as if it hung."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Timer

from workers.cli.output import print_line, stderr_console

SILENCE_SECONDS = 2.0


@contextmanager
def saying(what: str) -> Iterator[None]:
    """Say on stderr, once, what is still being done when the block takes longer than two seconds."""
    timer = Timer(SILENCE_SECONDS, lambda: print_line(stderr_console(), f"{what} …"))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
