"""Who stands where in the lines for AWS's limits: told when somebody asks, and written down nowhere."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta

from tasks.model.lane import is_gate
from tasks.state.database import Part


@dataclass(frozen=True)
class Turn:
    """Where a replication stands in the line for a place."""

    ahead: int  # replications whose turn comes before
    every: timedelta | None  # from one turn to the next, lately; None: not known yet

    def __str__(self) -> str:
        """Say it for people.

        >>> str(Turn(3, timedelta(seconds=40))), str(Turn(0, None)), str(Turn(1500, timedelta(seconds=12)))
        ('3 ahead, about 3 min', '0 ahead', '1500 ahead, about 5 h')
        """
        return f"{self.ahead} ahead" + (f", about {_roughly(self.every * (self.ahead + 1))}" if self.every else "")


class Lines(Part):
    """Looks at the lines. Raises redis.RedisError when Redis is away."""

    def turns(self, replications: Collection[str]) -> Mapping[str, Turn]:
        """Tell where each of these stands that waits for a place; in two round trips, none for no replication."""
        if not replications:
            return {}
        with self._redis.pipeline(transaction=False) as pipeline:
            for replication in replications:
                pipeline.smembers(self._keys.places(replication))
            entries = zip(replications, pipeline.execute(), strict=True)
            waits = [(each, lane) for each, found in entries for lane in _lanes(found)]
            for replication, lane in waits:
                pipeline.zrank(self._keys.waiters(lane), replication)
                pipeline.hget(self._keys.pace, lane)
            answers = pipeline.execute()
        rows = zip(waits, answers[::2], answers[1::2], strict=True)
        return {replication: Turn(rank, _every(pace)) for (replication, _), rank, pace in rows if rank is not None}


def _lanes(entries: Collection[str]) -> list[str]:
    """Return the lanes in whose line a replication stands: the entries of `places` without a place."""
    return [lane for lane, _, place in (entry.partition("\t") for entry in entries) if not (place or is_gate(lane))]


def _every(pace: str | None) -> timedelta | None:
    milliseconds = int(pace.split()[0]) if pace else 0
    return timedelta(milliseconds=milliseconds) if milliseconds else None


def _roughly(time: timedelta) -> str:
    seconds = time.total_seconds()
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 1.5 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(seconds, 1):.0f} s"
