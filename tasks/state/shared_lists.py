"""What whole lists of AWS showed, shared for some minutes (`tasks/organization/account_lists.py`, `unit_lists.py`)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import timedelta

from tasks.state.database import Database, Part


class SharedLists(Part):
    """Keeps one list for each organization. Raises redis.RedisError when Redis is away."""

    def __init__(self, database: Database, key: Callable[[str], str]) -> None:
        """Keep lists under the keys that `key` gives for an organization."""
        super().__init__(database)
        self._key = key

    def find(self, organization: str, members: Collection[str]) -> list[str | None] | None:
        """Return what the list has of each of these members, None for nothing; None: there is no list."""
        key = self._key(organization)
        with self._redis.pipeline() as pipeline:
            pipeline.exists(key)
            pipeline.hmget(key, list(members))
            listed, found = pipeline.execute()
        return list(found) if listed else None

    def share(self, organization: str, rows: Mapping[str, str], kept: timedelta) -> None:
        """Share a whole list, which is not empty, for that long, in place of the one before."""
        key = self._key(organization)
        with self._redis.pipeline() as pipeline:
            pipeline.delete(key)
            pipeline.hset(key, mapping=dict(rows))
            pipeline.pexpire(key, kept)
            pipeline.execute()

    def forget(self, organization: str) -> None:
        """Let the next one list anew: somebody has seen that the list is wrong."""
        self._redis.delete(self._key(organization))
