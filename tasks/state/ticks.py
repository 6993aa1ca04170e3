"""What beat sends, and when that was last taken: several beats share it, and one that is killed leaves no trace."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from tasks.state.database import Part
from tasks.state.parameters import Tick


class Ticks(Part):
    """Gives each tick to one beat. Raises redis.RedisError when Redis is away."""

    def take(self, every: Mapping[str, timedelta]) -> tuple[list[str], timedelta]:
        """Take the ticks that are due, to send them; answers them, and for how long nothing else is due."""
        rest, due = self._run(Tick(every=dict(every)))
        return due, timedelta(milliseconds=rest)

    def last(self) -> float:
        """Tell when a tick was last taken, in seconds since the epoch; 0: never."""
        return max(map(int, self._redis.hvals(self._keys.ticks)), default=0) / 1000
