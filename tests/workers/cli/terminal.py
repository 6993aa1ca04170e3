"""Run a command on a terminal of its own, of a given width, and answer its questions."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import termios
from collections.abc import Mapping
from pathlib import Path

from tests.workers.cli.running import COMMAND, SECONDS

CONTROL = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


def on_terminal(
    *arguments: str, environment: Mapping[str, str], columns: int, directory: Path, answer: str = ""
) -> tuple[int, list[str]]:
    """Answer the exit code and the lines that a person sees; both streams go to the terminal."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, columns))
    terminal = {"TERM": "xterm", "COLUMNS": str(columns), "LINES": "24"}
    process = subprocess.Popen(
        [*COMMAND, *arguments],
        env={**environment, **terminal},
        cwd=directory,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    os.write(ours, answer.encode())
    seen = _all_of(ours)
    os.close(ours)
    text = CONTROL.sub("", seen.decode().replace("\r\n", "\n"))
    return process.wait(SECONDS), [line.rstrip() for line in text.splitlines()]


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
