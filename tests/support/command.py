"""Run a command of ours to its end."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support.nursery import nursery

SECONDS = 300.0


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


def run_module(
    command: Sequence[str],
    environment: Mapping[str, str],
    *,
    directory: Path = Path("/"),
    stdin: str = "",
    stdout: Path | None = None,
) -> Ended:
    """Run `python -m` this command, forked from the nursery: without the second that its imports take.

    stdout   where it writes; None: into what is answered
    """
    with TemporaryDirectory(prefix="command-") as kept:
        out, errors, given = (Path(kept, name) for name in ("out", "errors", "given"))
        given.write_text(stdin)
        process = nursery().start(command, environment, directory, stdout or out, errors=errors, given=given)
        try:
            code = process.wait(SECONDS)
        finally:
            process.kill()
        return Ended(code, out.read_text() if stdout is None else "", errors.read_text())


def run_python(arguments: Sequence[str], environment: Mapping[str, str], directory: Path) -> Ended:
    """Run Python with these arguments: where it matters what is imported, or when."""
    command = [sys.executable, *arguments]
    ended = subprocess.run(
        command, env=environment, cwd=directory, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    return Ended(ended.returncode, ended.stdout, ended.stderr)
