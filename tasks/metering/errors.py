"""What reading and keeping costs may raise, beside what AWS answers."""

from __future__ import annotations


class DatabaseAway(Exception):
    """The metering database does not answer, or refuses us."""


class NoParquet(Exception):
    """No Parquet file can be written; the text says what to install."""


class LostCollection(Exception):
    """Another worker goes on with this collection: nothing of this run may be kept any more."""


class NoSuchMonth(ValueError):
    """Costs of this month cannot be read; the text says why."""


class NoMetering(ValueError):
    """The platform has no metering; the text says so."""
