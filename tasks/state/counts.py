"""What is counted in Redis for all processes together, for metrics.

All that can be known ahead is known here, so that a counter is shown as 0 before anything has happened: Prometheus
takes no increase from a series that is born at 1.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import count
from typing import Any

from tasks.state import parameters
from tasks.state.database import Part

DISPATCHES = "dispatches"
DROPPED = "notifications dropped"
REPAIRS = "repairs in "  # and a platform: how often a step of a daily replication had to write
BATCH = 200  # tenants, and open replications, that one script counts: a few ms, in which Redis does nothing else

Group = tuple[str, str]
"""A platform, and a state of model.State, or DELETED (tenants), PAUSED or PARKED (replications)."""


class Rejection(StrEnum):
    """Why a message in the queue was not ours."""

    TOO_LARGE = "too large"
    NO_JSON = "no JSON"
    NOT_OURS = "no message of ours"
    UNKNOWN_TASK = "unknown task"
    WRONG_ARGUMENTS = "wrong arguments"
    UNKNOWN_REPLICATION = "unknown replication"


@dataclass(frozen=True)
class Census:
    """How many tenants there are, and replications that have not ended, and since when the oldest of these."""

    tenants: Counter[Group] = field(default_factory=Counter)
    still_open: Counter[Group] = field(default_factory=Counter)
    oldest: dict[Group, datetime] = field(default_factory=dict)

    def add(self, counted: dict[str, Any]) -> None:
        """Add what one script has counted."""
        for row in counted["tenants"]:
            self.tenants[row["platform"], row["state"]] += row["count"]
        for row in counted["replications"]:
            group, since = (row["platform"], row["state"]), datetime.fromisoformat(row["since"])
            self.still_open[group] += row["count"]
            self.oldest[group] = min(since, self.oldest.get(group, since))


class Counts(Part):
    """Counts. Raises redis.RedisError when Redis is away."""

    def add(self, what: str) -> None:
        """Count something that happened; `what` is one of a few."""
        self._redis.hincrby(self._keys.counts, what, 1)

    def all(self) -> dict[str, int]:
        """Tell what has happened how often."""
        return {what: int(times) for what, times in self._redis.hgetall(self._keys.counts).items()}

    def reject(self, reason: Rejection) -> None:
        """Count a message in the queue that was not ours."""
        self._redis.hincrby(self._keys.rejected, reason, 1)

    def rejected(self) -> dict[str, int]:
        """Tell how many messages in the queue were not ours, by reason."""
        return {reason: int(times) for reason, times in self._redis.hgetall(self._keys.rejected).items()}

    def census(self) -> Census:
        """Count tenants, and replications that have not ended; one round trip for 200 of both."""
        found = Census()
        for first in count(0, BATCH):
            counted = json.loads(self._run(parameters.Census(first=first, last=first + BATCH - 1)))
            found.add(counted)
            if not counted["more"]:
                break
        return found
