"""How many tenants and open replications there are, by platform and by where they stand: for metrics.

The scripts count where something changes (`lua/shared/listing.lua`), so a look costs as much for many as for few. What
is paused is told apart here, because a pause holds for all tenants of a platform at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import product

from tasks.model.replication import ENDED, Held, State
from tasks.state.database import Part

PARKED, APPROVAL, PAUSED = (each.value for each in Held)
DELETED = "DELETED"
WHERE = (*(state.value for state in State if state not in ENDED), PARKED, APPROVAL)

Group = tuple[str, str]
"""A platform, and a state of model.State, or DELETED (tenants), PAUSED, PARKED or APPROVAL (replications)."""


@dataclass(frozen=True)
class Census:
    """How many tenants there are, and replications that have not ended, and since when the oldest of these."""

    tenants: Counter[Group] = field(default_factory=Counter)
    failed: Counter[Group] = field(default_factory=Counter)  # by platform, and by the code of the error
    still_open: Counter[Group] = field(default_factory=Counter)
    oldest: dict[Group, datetime] = field(default_factory=dict)

    def add_tenants(self, group: str, number: int) -> None:
        """Count tenants as the scripts do: by platform and state, and the failed ones also by why."""
        platform, state, *cause = group.split("\t")
        if number:
            self.tenants[platform, state] += number
        if number and cause:
            self.failed[platform, cause[0]] += number

    def add(self, group: Group, number: int, since: datetime) -> None:
        """Count open replications, of which the oldest was asked for then."""
        self.still_open[group] += number
        self.oldest[group] = min(since, self.oldest.get(group, since))


@dataclass(frozen=True)
class Apart:
    """An open replication of a tenant that is paused by itself."""

    group: Group
    asked_at: datetime


class Registry(Part):
    """Counts tenants and replications. Raises redis.RedisError when Redis is away."""

    def census(self) -> Census:
        """Count; in four round trips."""
        with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.hgetall(self._keys.tenant_counts)
            pipeline.smembers(self._keys.platforms)
            pipeline.hkeys(self._keys.pauses)
            counted, platforms, paused = pipeline.execute()
        found = Census()
        for each, number in counted.items():
            found.add_tenants(each, int(number))
        apart = self._apart([name for name in paused if name not in platforms])
        for group, number, oldest in self._open(platforms, apart):
            platform, where = group
            shown = (platform, PAUSED) if platform in paused and where != State.RUNNING else group
            found.add(shown, number, oldest)
        for each in apart.values():
            found.add((each.group[0], PAUSED), 1, each.asked_at)
        return found

    def parked(self, most: int) -> list[str]:
        """Name replications that wait for a person, at most so many of each platform and kind, the oldest first."""
        return self._those(most, PARKED, APPROVAL)

    def waiting(self, kind: str, most: int) -> list[str]:
        """Name the replications that are PARKED, or wait for an APPROVAL, as `parked` does."""
        return self._those(most, kind)

    def held(self, replications: Sequence[str]) -> dict[str, Held]:
        """Tell of replications that have not ended which of them wait for a person, and for what."""
        with self._redis.pipeline(transaction=False) as pipeline:
            for each in replications:
                pipeline.hget(self._keys.replication(each), "person")
            found = zip(replications, pipeline.execute(), strict=True)
        return {each: Held(kind) for each, kind in found if kind}

    def _those(self, most: int, *kinds: str) -> list[str]:
        with self._redis.pipeline(transaction=False) as pipeline:
            for platform, kind in product(sorted(self._redis.smembers(self._keys.platforms)), kinds):
                pipeline.zrange(self._keys.under_way(f"{platform}\t{kind}"), 0, most - 1)
            return [each for found in pipeline.execute() for each in found]

    def _open(self, platforms: Iterable[str], apart: Collection[str]) -> Iterable[tuple[Group, int, datetime]]:
        """Yield how many replications stand where, and when the oldest was asked for; without those set apart."""
        groups = [(platform, where) for platform in sorted(platforms) for where in WHERE]
        with self._redis.pipeline(transaction=False) as pipeline:
            for group in groups:
                key = self._keys.under_way("\t".join(group))
                pipeline.zcard(key)
                pipeline.zrange(key, 0, len(apart), withscores=True)
                pipeline.zmscore(key, [*apart, ""])
            answers = pipeline.execute()
        for group, number, first, scores in zip(groups, answers[::3], answers[1::3], answers[2::3], strict=True):
            left = number - sum(score is not None for score in scores)
            if left:
                yield group, left, next(_moment(asked) for replication, asked in first if replication not in apart)

    def _apart(self, names: Collection[str]) -> dict[str, Apart]:
        """Return the open replications of these tenants, by id; not one that runs just now."""
        with self._redis.pipeline(transaction=False) as pipeline:
            for name in names:
                pipeline.hget(self._keys.tenant(name), "current")
            ids = [each for each in pipeline.execute() if each]
            for replication in ids:
                pipeline.hmget(self._keys.replication(replication), "counted", "asked")
            rows = zip(ids, pipeline.execute(), strict=True)
        return {
            replication: Apart(_group(counted), _moment(float(asked)))
            for replication, (counted, asked) in rows
            if counted and _group(counted)[1] != State.RUNNING
        }


def _group(text: str) -> Group:
    platform, _, where = text.partition("\t")
    return platform, where


def _moment(microseconds: float) -> datetime:
    return datetime.fromtimestamp(microseconds / 1_000_000, UTC)
