"""What a check says: one line for a person, and what to do when something is wrong."""

from __future__ import annotations

from enum import StrEnum

from tasks.model.desired import Document


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"  # tenants are replicated all the same
    ERROR = "error"  # some replication will fail


class Finding(Document):
    """One line of the doctor's."""

    check: str = ""  # the name in the table of checks, filled in there
    level: Level
    message: str
    remedy: str | None = None


def ok(message: str) -> Finding:
    """Say that something is as it should be, or that it is not there to be looked at yet."""
    return Finding(level=Level.OK, message=message)


def warning(message: str, remedy: str) -> Finding:
    """Say that something should be changed."""
    return Finding(level=Level.WARNING, message=message, remedy=remedy)


def error(message: str, remedy: str) -> Finding:
    """Say that something must be changed."""
    return Finding(level=Level.ERROR, message=message, remedy=remedy)
