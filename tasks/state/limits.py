"""AWS's limits, shared by all workers: the places of each lane, and how often each API may be called."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

from tasks.model.batch import Batch, Wants
from tasks.model.lane import is_gate
from tasks.state.database import Part
from tasks.state.parameters import Disband, Enter, Gather, Leave, Slow, Take, milliseconds

RECOVERY = timedelta(seconds=30)  # from nothing to the whole of a limit: lua/shared/lanes.lua
ARRIVED = 2  # the least score in a line that is a time (microseconds): lower ones come before all (enter.lua)


@dataclass(frozen=True)
class Rate:
    """How often AWS may be called: an API's limit, shared by all workers."""

    name: str  # as people read it
    per_second: int  # calls
    burst: int  # calls that may follow each other at once after a time without any


@dataclass(frozen=True)
class Usage:
    """How a lane is used right now."""

    places: int
    taken: int
    waiting: int
    waiting_since: datetime | None = None  # when the first in line came
    slowed: float = 1.0  # how much of it we use; less than 1: AWS has refused lately, although we kept to it


class Ahead(int):
    """How many wait before us in a lane; -1: we have a place."""

    waited: timedelta | None = None  # for the place that we have from now on; None: we had it, or came before all

    @classmethod
    def of(cls, ahead: int, waited: int) -> Self:
        """Make one of what the script answers (ms)."""
        made = cls(ahead)
        made.waited = None if waited < 0 else timedelta(milliseconds=waited)
        return made


class Limits(Part):
    """Keeps to the limits. Raises redis.RedisError when Redis is away."""

    def enter(self, lane: str, place: str, replication: str, limit: int, wants: Wants | None = None) -> Ahead | None:
        """Take a place in a lane; answers -1 when we have it, else how many wait before us; None: it has ended.

        wants   what somebody else's operation may do for us, while we wait
        """
        text = None if wants is None else json.dumps(asdict(wants))
        found = self._run(Enter(lane=lane, place=place, replication=replication, limit=limit, wants=text))
        return None if found is None else Ahead.of(*found)

    def leave(self, lane: str, place: str, replication: str) -> None:
        """Give a place back and wake who is next."""
        self._run(Leave(lane=lane, place=place, replication=replication))

    def gather(self, lane: str, place: str, batch: Batch, replication: str, holder: str) -> list[Wants] | None:
        """Take along who waits in line for the same; answers what they want, None: somebody else has the lease."""
        found = self._run(
            Gather(
                lane=lane,
                place=place,
                replication=replication,
                holder=holder,
                kind=batch.kind,
                operation=batch.operation,
                sent_at=batch.sent_at.isoformat(),
                most=batch.most,
            )
        )
        return None if found is None else [Wants(**json.loads(each)) for each in found]

    def disband(self, lane: str, place: str, operation: str, replication: str, holder: str) -> None:
        """Let those who were taken along ask by themselves: AWS has refused the operation."""
        self._run(Disband(lane=lane, place=place, replication=replication, holder=holder, operation=operation))

    def take(self, rate: Rate, replication: str, tokens: int, *, owed: bool = False) -> timedelta:
        """Take tokens of a rate; answers how long our turn is still to come, zero when we have them.

        owed    they are used already (or, negative, given back): always taken, whoever comes later waits for the debt
        """
        given = Take(
            rate=rate.name,
            per_second=rate.per_second,
            burst=rate.burst,
            replication=replication,
            tokens=tokens,
            owed=owed,
        )
        return timedelta(milliseconds=int(self._run(given)))

    def slow(self, limits: Iterable[str]) -> None:
        """Use half of these lanes and rates from now on; they recover by themselves."""
        self._run(Slow(limits=list(limits)))

    def usage(self) -> dict[str, Usage]:
        """Tell how each lane is used; in three round trips."""
        every: dict[str, str] = self._redis.hgetall(self._keys.lanes)
        lanes = {lane: places for lane, places in every.items() if not is_gate(lane)}
        now = self._database.now()
        with self._redis.pipeline(transaction=False) as pipeline:
            for lane in lanes:
                pipeline.zcount(self._keys.holders(lane), now, "+inf")
                pipeline.zcard(self._keys.waiters(lane))
                pipeline.zrangebyscore(self._keys.waiters(lane), ARRIVED, "+inf", 0, 1, withscores=True)
            pipeline.hgetall(self._keys.slowed)
            *counts, slowed = pipeline.execute()
        rows = zip(lanes.items(), counts[::3], counts[1::3], counts[2::3], strict=True)
        return {
            lane: Usage(int(places), taken, waiting, _came(first), _share(slowed.get(lane), now))
            for (lane, places), taken, waiting, first in rows
        }

    def gates(self) -> dict[str, tuple[datetime, int]]:
        """Tell at each gate at which somebody waits since when AWS has refused that, and how many wait."""
        since: dict[str, str] = self._redis.hgetall(self._keys.gates)
        with self._redis.pipeline(transaction=False) as pipeline:
            for gate in since:
                pipeline.zcard(self._keys.holders(gate))
                pipeline.zcard(self._keys.waiters(gate))
            counts = pipeline.execute()
        rows = zip(since.items(), counts[::2], counts[1::2], strict=True)
        return {
            gate: (datetime.fromtimestamp(float(closed) / 1000, UTC), probing + waiting)
            for (gate, closed), probing, waiting in rows
            if probing + waiting
        }

    def line(self, lane: str, most: int) -> tuple[list[str], list[tuple[str, datetime]]]:
        """Name the replications that have a place in a lane, and those that wait for one with when they came, in line.

        most   of those that wait
        """
        with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.hvals(self._keys.held_by(lane))
            pipeline.zrange(self._keys.waiters(lane), 0, most - 1, withscores=True)
            held, waiting = pipeline.execute()
        inside = [each for ids in held for each in ids.split()]
        return inside, [(each, datetime.fromtimestamp(came / 1_000_000, UTC)) for each, came in waiting]

    def shares(self) -> dict[str, float]:
        """Tell how much is used of each lane and rate that AWS has refused lately: less than 1, or it has recovered."""
        now, found = self._database.now(), self._redis.hgetall(self._keys.slowed)
        return {limit: _share(slowed, now) for limit, slowed in found.items()}


def _came(first: Sequence[tuple[str, float]]) -> datetime | None:
    return datetime.fromtimestamp(first[0][1] / 1_000_000, UTC) if first else None


def _share(slowed: str | None, now: float) -> float:
    """Return how much of a limit is used, as `share` in lua/shared/lanes.lua reckons."""
    if slowed is None:
        return 1.0
    factor, since = map(float, slowed.split())
    return min(1.0, factor + (now - since) / milliseconds(RECOVERY))
