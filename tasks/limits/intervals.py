"""When to look again: poll intervals and the distance between tries. Pure functions of what happened so far."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

POLL_GROWTH = 1.5  # each poll's distance to the one before
POLL_LONGEST = 4  # times the first interval
FIRST_RETRY = timedelta(seconds=1)
LONGEST_RETRY = timedelta(minutes=2)
SOON = timedelta(seconds=5)  # of what AWS does not show yet: it takes seconds, and people wait for it
PROBING = timedelta(seconds=10)  # of a platform that AWS does not let in: one tenant asks, all others wait for it
WITHDRAWING = timedelta(seconds=2)  # of the first step: whoever must go has seconds, also while AWS throttles
SOONEST_BRISK = 0.2  # times the first interval: the shortest distance of two brisk polls
LEARNING = 0.3  # weight of the newest time in the usual one


@dataclass(frozen=True)
class RetryState:
    """How a step has gone so far in this replication."""

    polls: int = 0  # answers `Wait` in a row
    failures: int = 0  # transient errors in a row
    failing_since: str | None = None  # ISO time of the first of them since it was parked last
    parked_since: str | None = None  # ISO time when it was parked first, whatever other errors came between
    working: tuple[str, ...] = ()  # ISO times when AWS began what others wait for, as the last answer `Wait` said
    interval: float = 0  # seconds from that answer to the look after it

    @classmethod
    def read(cls, document: dict[str, Any]) -> RetryState:
        """Read what `document` wrote."""
        return cls(**{**document, "working": tuple(document.get("working", ()))})

    def document(self) -> dict[str, Any]:
        """Return a JSON object of what has happened: thousands wait, and of most nothing has."""
        return {name: value for name, value in asdict(self).items() if value != getattr(_NOTHING, name)}

    def polled(self, interval: timedelta, since: Iterable[datetime] = ()) -> RetryState:
        """After an answer `Wait`, the next look being `interval` away: AWS works, so earlier failures are over."""
        working = tuple(moment.isoformat() for moment in since)
        return RetryState(polls=self.polls + 1, working=working, interval=interval.total_seconds())

    def ended(self, since: Iterable[datetime] = ()) -> list[datetime]:
        """Say when the work began that AWS has ended by now, `since` being what it still works on."""
        before = map(datetime.fromisoformat, self.working)
        return sorted(set(before) - set(since))

    def failed(self, now: datetime) -> RetryState:
        """After a transient error."""
        return replace(self, failures=self.failures + 1, failing_since=self.failing_since or now.isoformat())

    def parked(self, now: datetime) -> RetryState:
        """After an error that a person must end: AWS does answer, so the errors before it are over."""
        since = self.parked_since or now.isoformat()
        return replace(self, failures=self.failures + 1, failing_since=None, parked_since=since)

    def later(self, by: timedelta) -> RetryState:
        """As if it had begun to fail, and was parked, later by that."""
        return replace(self, failing_since=_later(self.failing_since, by), parked_since=_later(self.parked_since, by))

    def failing_for(self, now: datetime) -> timedelta:
        """How long the step has failed without one good answer."""
        return _since(self.failing_since, now)

    def parked_for(self, now: datetime) -> timedelta:
        """How long the step has waited for a person."""
        return _since(self.parked_since, now)


def _later(moment: str | None, by: timedelta) -> str | None:
    return (datetime.fromisoformat(moment) + by).isoformat() if moment else None


def _since(moment: str | None, now: datetime) -> timedelta:
    return now - datetime.fromisoformat(moment) if moment else timedelta()


_NOTHING = RetryState()


@dataclass
class UsualTimes:
    """How long AWS has taken lately for what each step waits for; one per process, and only a guess."""

    seconds: dict[str, float] = field(default_factory=dict)  # by step

    def of(self, step: str) -> timedelta | None:
        """Return the usual time; None: not seen yet."""
        return timedelta(seconds=self.seconds[step]) if step in self.seconds else None

    def learn(self, step: str, took: timedelta, interval: float) -> None:
        """Remember what AWS took at most; it has ended some time in the last `interval` seconds of that."""
        longest = took.total_seconds()
        # Ended at the first look of all: it may have been much sooner, so the next look comes somewhat sooner.
        seconds = max(longest - interval / 2, longest * 0.75)
        before = self.seconds.get(step, seconds)
        # Nobody looks in time when workers are away; that says nothing about AWS.
        self.seconds[step] = before + LEARNING * (min(seconds, 2 * before) - before)


def brisk_interval(
    first: timedelta, since: Iterable[datetime], usual: timedelta | None, now: datetime, chance: float
) -> timedelta:
    """Return the time until the next poll of what keeps others waiting: when it usually ends, then soon again.

    since  when AWS began each piece of it

    >>> start, first, usual = datetime(2026, 1, 1), timedelta(seconds=5), timedelta(seconds=12)
    >>> [brisk_interval(first, [start], usual, start + timedelta(seconds=s), 1).seconds for s in (0, 12, 24)]
    [12, 1, 3]
    >>> brisk_interval(first, [start], None, start, 1).seconds
    5
    """
    if usual is None:
        return first * (0.75 + chance / 4)
    return min(_until_it_ends(first, usual - (now - began)) for began in since)


def _until_it_ends(first: timedelta, left: timedelta) -> timedelta:
    """Return when to look at one piece that usually ends in `left`; negative: it should have ended before."""
    if left > timedelta():
        return min(max(left, first * SOONEST_BRISK), first * POLL_LONGEST)
    return min(max(-left / 4, first * SOONEST_BRISK), first)


def poll_interval(first: timedelta, retry_state: RetryState, chance: float) -> timedelta:
    """Return the time until the next poll: growing to 4 times the first, a quarter of it spread by chance (0 to 1).

    >>> [poll_interval(timedelta(seconds=4), RetryState(polls=n), 1).total_seconds() for n in (0, 1, 2, 9)]
    [4.0, 6.0, 9.0, 16.0]
    """
    grown: float = min(POLL_GROWTH ** min(retry_state.polls, 20), POLL_LONGEST)
    return first * grown * (0.75 + chance / 4)


def retry_interval(
    retry_state: RetryState, asked: float | None, chance: float, longest: timedelta = LONGEST_RETRY
) -> timedelta:
    """Return the time until the next try: doubling from 1 s to `longest`, half of it spread by chance (0 to 1).

    asked  seconds that AWS asked for; never looked sooner than that

    >>> [retry_interval(RetryState(failures=n), None, 1).total_seconds() for n in (0, 1, 2, 20)]
    [1.0, 2.0, 4.0, 120.0]
    >>> retry_interval(RetryState(), 30, 0).total_seconds()
    30.0
    """
    doubled: timedelta = FIRST_RETRY * 2 ** min(retry_state.failures, 20)
    backoff = min(doubled, longest) * (0.5 + chance / 2)
    return max(backoff, timedelta(seconds=asked or 0))
