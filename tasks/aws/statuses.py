"""Statuses that AWS answers become enums; one that nobody has written down is an error, not a default."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeVar

from tasks.errors import PermanentError

Status = TypeVar("Status", bound=StrEnum)


def known(kind: type[Status], value: str) -> Status:
    """Return the member of `kind`; PermanentError for a status that this version does not know."""
    try:
        return kind(value)
    except ValueError as error:
        message = f"AWS answered {value!r}, which this version does not know as {kind.__name__}"
        remedy = "Update the connector; until then finish this step by hand and retry."
        raise PermanentError("UnknownStatus", message, remedy=remedy) from error
