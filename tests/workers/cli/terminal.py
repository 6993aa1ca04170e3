"""Run a command on a terminal of its own, of a given width, and answer its questions."""

from __future__ import annotations

import os
import pty
import re
import termios
from collections.abc import Mapping
from pathlib import Path
from threading import Thread

from tests.support.nursery import nursery
from tests.workers.cli.running import COMMAND, SECONDS

CONTROL = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


def on_terminal(
    *arguments: str,
    environment: Mapping[str, str],
    columns: int,
    directory: Path,
    answer: str = "",
    asked: str | None = None,
) -> tuple[int, list[str]]:
    """Answer the exit code and the lines that a person sees; both streams go to the terminal.

    answer   what the person types: at once, or when they have read the question (`asked`)
    """
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, columns))
    terminal = {"TERM": "xterm", "COLUMNS": str(columns), "LINES": "24"}
    name = Path(os.ttyname(theirs))  # opened by the first process of a session: Ctrl-C reaches it
    command = [COMMAND[-1], *arguments]
    process = nursery().start(command, {**environment, **terminal}, directory, log=name, given=name)

    def hang_up() -> None:
        """Hold the terminal open until the command has ended: it may not have opened it yet."""
        process.wait(SECONDS)
        os.close(theirs)

    waiting = Thread(target=hang_up)
    waiting.start()
    seen = b"" if asked is None else _until(ours, asked.encode())
    os.write(ours, answer.encode())
    seen += _all_of(ours)
    os.close(ours)
    waiting.join()
    text = CONTROL.sub("", seen.decode().replace("\r\n", "\n"))
    return process.wait(SECONDS), [line.rstrip() for line in text.splitlines()]


def _until(terminal: int, asked: bytes) -> bytes:
    seen = b""
    while asked not in seen:
        seen += os.read(terminal, 4096)
    return seen


def _all_of(terminal: int) -> bytes:
    seen = b""
    while True:
        try:
            chunk = os.read(terminal, 4096)
        except OSError:  # Linux says so when the last process has closed the terminal
            return seen
        if not chunk:
            return seen
        seen += chunk
