"""The replications: what people are shown of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tasks.model.desired import TenantId
from tasks.model.replication import Replication, State
from tasks.state.database import Part
from tasks.state.lines import Lines
from tasks.state.records import replication_of


class Replications(Part):
    """Reads replications, as long as their records are kept. Raises redis.RedisError when Redis is away."""

    def find(self, replication: str) -> Replication | None:
        """Read a replication with every step; None: unknown, or ended longer than the retention ago."""
        row: dict[str, str] = self._redis.hgetall(self._keys.replication(replication))
        if not row:
            return None
        return self._shown([row])[0]

    def state_of(self, replication: str) -> State | None:
        """Read the state of a replication and nothing else; None: unknown, or ended longer than the retention ago."""
        state = self._redis.hget(self._keys.replication(replication), "state")
        return State(state) if state else None

    def those(self, ids: Iterable[str]) -> list[Replication]:
        """Read replications, in four round trips at most; those that are unknown are left out."""
        with self._redis.pipeline(transaction=False) as pipeline:
            for replication in ids:
                pipeline.hgetall(self._keys.replication(replication))
            return self._shown([row for row in pipeline.execute() if row])

    def history(self, tenant: TenantId, most: int) -> list[Replication]:
        """Read a tenant's replications, the newest first; in five round trips at most."""
        return self.those(self._redis.zrevrange(self._keys.history(tenant), 0, most - 1))

    def _shown(self, rows: Sequence[dict[str, str]]) -> list[Replication]:
        """Show records: with their accounts, and where those stand in line that wait for a place."""
        with self._redis.pipeline(transaction=False) as pipeline:
            for row in rows:
                pipeline.hget(self._keys.tenant(row["tenant"]), "handles")
            accounts = pipeline.execute()
        turns = Lines(self._database).turns([row["id"] for row in rows if row["state"] == State.WAITING])
        return [replication_of(row, handles, turns.get(row["id"])) for row, handles in zip(rows, accounts, strict=True)]
