"""The Procfile's lines, as those who run them see them."""

from __future__ import annotations

from pathlib import Path

PROCFILE = Path(__file__).parents[2] / "Procfile"


def command_of(name: str) -> list[str]:
    """Return the command of a process of the Procfile, as a shell runs it."""
    lines = [line.partition(":") for line in PROCFILE.read_text().splitlines() if line and not line.startswith("#")]
    return ["/bin/sh", "-c", "exec " + {process: command.strip() for process, _, command in lines}[name]]
