"""Tenants whose last replication failed, how often, and when each is tried again (`tasks/daily/retries.py`)."""

from __future__ import annotations

from datetime import datetime

from tasks.model.desired import TenantId
from tasks.state.database import Part


class Retries(Part):
    """Keeps failures. Raises redis.RedisError when Redis is away."""

    def count(self, tenant: TenantId) -> int:
        """Count one more failure of a tenant; answers how many there are in a row."""
        return int(self._redis.hincrby(self._keys.failing, str(tenant), 1))

    def failures(self, tenant: TenantId) -> int:
        """Tell how often in a row a tenant has failed."""
        return int(self._redis.hget(self._keys.failing, str(tenant)) or 0)

    def plan(self, tenant: TenantId, due: datetime, *, only_move: bool = False) -> None:
        """Set when a tenant is tried again.

        only_move   do nothing for a tenant that has no such time yet
        """
        self._redis.zadd(self._keys.retries, {str(tenant): due.timestamp()}, xx=only_move)

    def due(self, now: datetime, most: int) -> list[TenantId]:
        """Name the tenants whose next try is due, the one that waits longest first."""
        found = self._redis.zrangebyscore(self._keys.retries, "-inf", now.timestamp(), 0, most)
        return [TenantId.parse(name) for name in found]

    def forget(self, tenant: TenantId) -> None:
        """Note that the tenant is as it should be, or gone, or that a person has stopped it."""
        with self._redis.pipeline() as pipeline:
            pipeline.hdel(self._keys.failing, str(tenant))
            pipeline.zrem(self._keys.retries, str(tenant))
            pipeline.execute()

    def number(self) -> int:
        """Count the tenants whose last replication failed."""
        return int(self._redis.hlen(self._keys.failing))
