"""What is counted in Redis for all processes together, for metrics.

All that can be known ahead is known here, so that a counter is shown as 0 before anything has happened: Prometheus
takes no increase from a series that is born at 1.
"""

from __future__ import annotations

from enum import StrEnum

from tasks.state.database import Part

DISPATCHES = "dispatches"
DROPPED = "notifications dropped"
REPAIRS = "repairs in "  # and a platform: how often a step of a daily replication had to write
COST_PAGES = "pages of costs in "  # and a platform: those that AWS has answered, at $0.01 each


class Rejection(StrEnum):
    """Why a message in the queue was not ours."""

    TOO_LARGE = "too large"
    NO_JSON = "no JSON"
    NOT_OURS = "no message of ours"
    UNKNOWN_TASK = "unknown task"
    WRONG_ARGUMENTS = "wrong arguments"
    UNKNOWN_REPLICATION = "unknown replication"


class Counts(Part):
    """Counts. Raises redis.RedisError when Redis is away."""

    def add(self, what: str, times: int = 1) -> None:
        """Count something that happened; `what` is one of a few."""
        self._redis.hincrby(self._keys.counts, what, times)

    def all(self) -> dict[str, int]:
        """Tell what has happened how often."""
        return {what: int(times) for what, times in self._redis.hgetall(self._keys.counts).items()}

    def reject(self, reason: Rejection) -> None:
        """Count a message in the queue that was not ours."""
        self._redis.hincrby(self._keys.rejected, reason, 1)

    def rejected(self) -> dict[str, int]:
        """Tell how many messages in the queue were not ours, by reason."""
        return {reason: int(times) for reason, times in self._redis.hgetall(self._keys.rejected).items()}
