"""Rollouts of landing zones: which replications belong to one (`tasks/orders/rollout.py`)."""

from __future__ import annotations

from tasks.state.database import Part


class Rollouts(Part):
    """Keeps rollouts. Raises redis.RedisError when Redis is away."""

    def keep(self, rollout: str, document: str) -> None:
        """Keep which replications belong to a rollout, as JSON text."""
        self._redis.set(self._keys.rollout(rollout), document, px=self._database.retention)

    def find(self, rollout: str) -> str | None:
        """Read what was kept of a rollout; None: unknown, or asked for longer than the retention ago."""
        found: str | None = self._redis.get(self._keys.rollout(rollout))
        return found
