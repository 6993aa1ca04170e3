"""The replications: what people are shown of them."""

from __future__ import annotations

from collections.abc import Iterable

from tasks.model.desired import TenantId
from tasks.model.replication import Replication
from tasks.state.database import Part
from tasks.state.records import replication_of


class Replications(Part):
    """Reads replications, as long as their records are kept. Raises redis.RedisError when Redis is away."""

    def find(self, replication: str) -> Replication | None:
        """Read a replication with every step; None: unknown, or ended longer than the retention ago."""
        row: dict[str, str] = self._redis.hgetall(self._keys.replication(replication))
        if not row:
            return None
        return replication_of(row, self._redis.hget(self._keys.tenant(row["tenant"]), "handles"))

    def those(self, ids: Iterable[str]) -> list[Replication]:
        """Read replications, in two round trips; those that are unknown are left out."""
        with self._redis.pipeline(transaction=False) as pipeline:
            for replication in ids:
                pipeline.hgetall(self._keys.replication(replication))
            rows = [row for row in pipeline.execute() if row]
            for row in rows:
                pipeline.hget(self._keys.tenant(row["tenant"]), "handles")
            return [replication_of(row, handles) for row, handles in zip(rows, pipeline.execute(), strict=True)]

    def history(self, tenant: TenantId, most: int) -> list[Replication]:
        """Read a tenant's replications, the newest first; in three round trips."""
        return self.those(self._redis.zrevrange(self._keys.history(tenant), 0, most - 1))

    def is_daily(self, replication: str) -> bool:
        """Tell whether nobody asked for a replication but the day."""
        return bool(self._redis.hexists(self._keys.replication(replication), "daily"))
