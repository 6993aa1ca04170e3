"""What settings are made of: durations in seconds, positive numbers, web addresses."""

import math
from datetime import timedelta
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field

LONGEST_DURATION = timedelta(days=366)
"""Longer is a slip of the unit: every duration here is about calls and leases."""


def _seconds(value: object) -> timedelta:
    """Read a plain number of seconds; a timedelta stays."""
    seconds = value.total_seconds() if isinstance(value, timedelta) else _number(value)
    if not (math.isfinite(seconds) and 0 < seconds <= LONGEST_DURATION.total_seconds()):
        raise ValueError(f"must be a number of seconds greater than 0, at most {LONGEST_DURATION.days} days")
    return timedelta(seconds=seconds)


def _number(value: object) -> float:
    try:
        return float(value) if isinstance(value, str | int | float) else math.nan
    except ValueError:
        return math.nan


def is_web_address(url: str) -> bool:
    """Tell whether a text is the address of a web server.

    >>> is_web_address("https://mesh.example.com"), is_web_address("mesh.example.com"), is_web_address("http://h:x")
    (True, False, False)
    """
    try:
        parts = urlsplit(url)
        return bool(parts.scheme in ("https", "http") and parts.hostname and parts.port != 0)
    except ValueError:
        return False


Seconds = Annotated[timedelta, BeforeValidator(_seconds)]
Positive = Annotated[int, Field(ge=1)]
