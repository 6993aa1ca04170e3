"""Accounts that no tenant owns, of each organization (`tasks/organization/unmanaged.py`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tasks.documents import UnmanagedAccount
from tasks.state.database import Part
from tasks.state.keys import Keys


class Unmanaged(Part):
    """Keeps them. Raises redis.RedisError when Redis is away."""

    def replace(self, organization: str, found: Mapping[str, UnmanagedAccount]) -> None:
        """Keep these accounts, by id, in place of those before."""
        key = self._keys.unmanaged(organization)
        with self._redis.pipeline() as pipeline:
            pipeline.delete(key)
            if found:
                pipeline.hset(key, mapping={account_id: each.model_dump_json() for account_id, each in found.items()})
                pipeline.pexpire(key, Keys.unmanaged.ttl)
            pipeline.execute()

    def of(self, organization: str) -> dict[str, UnmanagedAccount]:
        """Read an organization's accounts, by id."""
        rows: dict[str, str] = self._redis.hgetall(self._keys.unmanaged(organization))
        return {account_id: UnmanagedAccount.model_validate_json(row) for account_id, row in rows.items()}

    def number(self, organizations: Iterable[str]) -> int:
        """Count the accounts of some organizations."""
        return sum(int(self._redis.hlen(self._keys.unmanaged(each))) for each in organizations)
