"""When to look again: poll intervals and the distance between tries. Pure functions of what happened so far."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

POLL_GROWTH = 1.5  # each poll's distance to the one before
POLL_LONGEST = 4  # times the first interval
FIRST_RETRY = timedelta(seconds=1)
LONGEST_RETRY = timedelta(minutes=2)
SOONEST_BRISK = 0.2  # times the first interval: the shortest distance of two brisk polls
LEARNING = 0.3  # weight of the newest time in the usual one
LANE_RECHECK = timedelta(seconds=60)  # whoever frees a place wakes us; this only heals a lost wake-up


@dataclass(frozen=True)
class Pace:
    """How a step has gone so far in this replication."""

    polls: int = 0  # answers `Wait` in a row
    failures: int = 0  # transient errors in a row
    failing_since: str | None = None  # ISO time of the first of them
    brisk_since: str | None = None  # ISO time since when brisk answers `Wait` follow each other
    interval: float = 0  # seconds from the last of them to the look after it

    @classmethod
    def read(cls, document: dict[str, Any]) -> Pace:
        """Read what `document` wrote."""
        return cls(**document)

    def document(self) -> dict[str, Any]:
        """Return a JSON object."""
        return asdict(self)

    def polled(self, interval: timedelta, now: datetime, *, brisk: bool = False) -> Pace:
        """After an answer `Wait`, the next look being `interval` away: AWS works, so earlier failures are over."""
        since = (self.brisk_since or now.isoformat()) if brisk else None
        return Pace(polls=self.polls + 1, brisk_since=since, interval=interval.total_seconds())

    def failed(self, now: datetime) -> Pace:
        """After a transient error."""
        return replace(self, failures=self.failures + 1, failing_since=self.failing_since or now.isoformat())

    def brisk_for(self, now: datetime) -> timedelta | None:
        """How long AWS has been at the work that others wait for; None: there is none."""
        return now - datetime.fromisoformat(self.brisk_since) if self.brisk_since else None

    def failing_for(self, now: datetime) -> timedelta:
        """How long the step has failed without one good answer."""
        return now - datetime.fromisoformat(self.failing_since) if self.failing_since else timedelta()


@dataclass
class UsualTimes:
    """How long AWS has taken lately for what each step waits for; one per process, and only a guess."""

    seconds: dict[str, float] = field(default_factory=dict)  # by step

    def of(self, step: str) -> timedelta | None:
        """Return the usual time; None: not seen yet."""
        return timedelta(seconds=self.seconds[step]) if step in self.seconds else None

    def learn(self, step: str, pace: Pace, now: datetime) -> None:
        """Remember how long it was: AWS has ended some time between the last two looks."""
        took = pace.brisk_for(now)
        if took is None:
            return
        # Ended at the first look of all: it may have been much sooner, so the next look comes somewhat sooner.
        seconds = max(took.total_seconds() - pace.interval / 2, took.total_seconds() * 0.75)
        before = self.seconds.get(step, seconds)
        self.seconds[step] = before + LEARNING * (seconds - before)


def brisk_interval(first: timedelta, pace: Pace, usual: timedelta | None, now: datetime, chance: float) -> timedelta:
    """Return the time until the next poll of what keeps others waiting: when it usually ends, then soon again.

    >>> start, first, usual = datetime(2026, 1, 1), timedelta(seconds=5), timedelta(seconds=12)
    >>> pace = Pace(brisk_since=start.isoformat())
    >>> [brisk_interval(first, pace, usual, start + timedelta(seconds=s), 1).seconds for s in (0, 12, 24)]
    [12, 1, 3]
    >>> brisk_interval(first, Pace(), None, start, 1).seconds
    5
    """
    if usual is None:
        return first * (0.75 + chance / 4)
    left = usual - (pace.brisk_for(now) or timedelta())
    if left > timedelta():
        return min(max(left, first * SOONEST_BRISK), first * POLL_LONGEST)
    return min(max(-left / 4, first * SOONEST_BRISK), first)


def poll_interval(first: timedelta, pace: Pace, chance: float) -> timedelta:
    """Return the time until the next poll: growing to 4 times the first, a quarter of it spread by chance (0 to 1).

    >>> [poll_interval(timedelta(seconds=4), Pace(polls=n), 1).total_seconds() for n in (0, 1, 2, 9)]
    [4.0, 6.0, 9.0, 16.0]
    """
    grown: float = min(POLL_GROWTH ** min(pace.polls, 20), POLL_LONGEST)
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
