"""When to look again: poll intervals and the distance between tries. Pure functions of what happened so far."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

POLL_GROWTH = 1.5  # each poll's distance to the one before
POLL_LONGEST = 4  # times the first interval
FIRST_RETRY = timedelta(seconds=1)
LONGEST_RETRY = timedelta(minutes=2)
LANE_RECHECK = timedelta(seconds=60)  # whoever frees a place wakes us; this only heals a lost wake-up


@dataclass(frozen=True)
class Pace:
    """How a step has gone so far in this replication."""

    polls: int = 0  # answers `Wait` in a row
    failures: int = 0  # transient errors in a row
    failing_since: str | None = None  # ISO time of the first of them

    @classmethod
    def read(cls, document: dict[str, Any]) -> Pace:
        """Read what `document` wrote."""
        return cls(**document)

    def document(self) -> dict[str, Any]:
        """Return a JSON object."""
        return asdict(self)

    def polled(self) -> Pace:
        """After an answer `Wait`: AWS works, so earlier failures are over."""
        return Pace(polls=self.polls + 1)

    def failed(self, now: datetime) -> Pace:
        """After a transient error."""
        return replace(self, failures=self.failures + 1, failing_since=self.failing_since or now.isoformat())

    def failing_for(self, now: datetime) -> timedelta:
        """How long the step has failed without one good answer."""
        return now - datetime.fromisoformat(self.failing_since) if self.failing_since else timedelta()


def poll_interval(first: timedelta, pace: Pace, chance: float, *, brisk: bool = False) -> timedelta:
    """Return the time until the next poll: growing to 4 times the first, a quarter of it spread by chance (0 to 1).

    brisk  it does not grow

    >>> [poll_interval(timedelta(seconds=4), Pace(polls=n), 1).total_seconds() for n in (0, 1, 2, 9)]
    [4.0, 6.0, 9.0, 16.0]
    """
    grown: float = 1 if brisk else min(POLL_GROWTH ** min(pace.polls, 20), POLL_LONGEST)
    return first * grown * (0.75 + chance / 4)


def retry_interval(pace: Pace, asked: float | None, chance: float) -> timedelta:
    """Return the time until the next try: doubling from 1 s to 2 min, half of it spread by chance (0 to 1).

    asked  seconds that AWS asked for; never looked sooner than that

    >>> [retry_interval(Pace(failures=n), None, 1).total_seconds() for n in (0, 1, 2, 20)]
    [1.0, 2.0, 4.0, 120.0]
    >>> retry_interval(Pace(), 30, 0).total_seconds()
    30.0
    """
    doubled: timedelta = FIRST_RETRY * 2 ** min(pace.failures, 20)
    backoff = min(doubled, LONGEST_RETRY) * (0.5 + chance / 2)
    return max(backoff, timedelta(seconds=asked or 0))
