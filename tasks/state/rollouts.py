"""Rollouts of landing zones: which replications belong to one (`tasks/orders/rollout.py`)."""

from __future__ import annotations

from tasks.state.database import Part

MOST_LISTED = 100


class Rollouts(Part):
    """Keeps rollouts. Raises redis.RedisError when Redis is away."""

    def keep(self, rollout: str, document: str) -> None:
        """Keep which replications belong to a rollout, as JSON text."""
        with self._redis.pipeline() as pipeline:
            pipeline.set(self._keys.rollout(rollout), document, px=self._database.retention)
            pipeline.zadd(self._keys.rollouts, {rollout: self._database.now()})
            pipeline.zremrangebyrank(self._keys.rollouts, 0, -MOST_LISTED - 1)
            pipeline.execute()

    def find(self, rollout: str) -> str | None:
        """Read what was kept of a rollout; None: unknown, or asked for longer than the retention ago."""
        found: str | None = self._redis.get(self._keys.rollout(rollout))
        return found

    def newest(self, most: int) -> list[str]:
        """Read what was kept of the newest rollouts."""
        ids = self._redis.zrevrange(self._keys.rollouts, 0, most - 1)
        return [each for each in self._redis.mget(map(self._keys.rollout, ids)) if each] if ids else []
