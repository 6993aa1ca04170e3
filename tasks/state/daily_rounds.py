"""When the daily round has last been through (`tasks/daily/round.py`)."""

from __future__ import annotations

from datetime import UTC, datetime

from tasks.state.database import Part


class DailyRounds(Part):
    """Remembers the last daily round. Raises redis.RedisError when Redis is away."""

    def note(self, now: datetime) -> None:
        """Note that nobody who was due is left."""
        self._redis.set(self._keys.daily_round, now.timestamp())

    def last(self) -> datetime | None:
        """Tell when nobody who was due was left last; None: never."""
        found = self._redis.get(self._keys.daily_round)
        return None if found is None else datetime.fromtimestamp(float(found), UTC)
