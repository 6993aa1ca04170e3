"""How a command ends when it cannot do what was asked: one sentence for a person, one code for a script."""

from __future__ import annotations

import sys
from enum import IntEnum

from config.printable import printable

PROGRAM = "aws-connector"


class ExitCode(IntEnum):
    """The codes of all commands; the table for people stands in `workers.cli`."""

    DONE = 0
    MISTAKES = 1
    CHANGES = 2  # of `plan` alone, as of diff-like tools
    FAILED = 3
    UNREACHABLE = 4
    USAGE = 64  # EX_USAGE of sysexits.h, so that a script never takes a misspelled option for a plan with changes


class CommandFailed(Exception):
    """Ends the command with a message on stderr and a code."""

    def __init__(self, message: str, code: ExitCode) -> None:
        super().__init__(message, code)
        self.message = message
        self.code = code

    def __str__(self) -> str:
        return self.message


def complain(message: str) -> None:
    """Write one message to stderr, each line of it under the program's name or indented."""
    first, *rest = map(printable, message.splitlines() or [""])
    sys.stderr.write("\n".join([f"{PROGRAM}: {first}", *(f"  {line.strip()}" for line in rest)]) + "\n")
    sys.stderr.flush()
