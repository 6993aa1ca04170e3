"""Run the command line as people do: as a process, with an environment of its own and a deadline."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from tests.support.command import Ended, run_module

REPOSITORY = Path(__file__).resolve().parents[3]
COMMAND = [sys.executable, "-m", "workers.cli"]
SECONDS = 180.0
MARKER = "TEST_CLI_MARKER"  # every process that descends from a test carries it


class RunHere(Protocol):
    """Runs a command in the test's own process."""

    def __call__(self, *arguments: str, environment: dict[str, str] | None = None) -> Ended: ...


def clean_environment(**extra: str) -> dict[str, str]:
    """Give the environment without anything that tells the connector something."""
    ours = ("CONNECTOR_", "AWS_", "SANDBOX_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours) and name != "PORT"}
    return {**kept, "PYTHONPATH": str(REPOSITORY), **extra}


def run(
    *arguments: str, environment: Mapping[str, str] | None = None, stdin: str = "", directory: Path | None = None
) -> Ended:
    """Run a command to its end; in a directory without a .env file."""
    return run_module(
        [COMMAND[-1], *arguments], environment or clean_environment(), directory=directory or Path("/"), stdin=stdin
    )


def descendants(marker: str) -> list[str]:
    """List the command lines of the living processes that carry a marker in their environment (Linux)."""
    wanted = f"{MARKER}={marker}".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if wanted in (process / "environ").read_bytes().split(b"\0"):
                found.append((process / "cmdline").read_text().replace("\0", " "))
        except OSError:  # it has ended meanwhile, or it is somebody else's
            continue
    return found
