"""Emails and names of an organization's accounts, shared for some minutes (`tasks/organization/account_lists.py`)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from tasks.state.database import Part


class AccountLists(Part):
    """Keeps one list for each organization. Raises redis.RedisError when Redis is away."""

    def lacks(self, organization: str, members: Collection[str]) -> bool:
        """Tell whether there is a list that has none of these; False when there is no list."""
        key = self._keys.listed(organization)
        with self._redis.pipeline() as pipeline:
            pipeline.exists(key)
            pipeline.smismember(key, list(members))
            listed, found = pipeline.execute()
        return bool(listed) and not any(found)

    def share(self, organization: str, members: Collection[str], kept: timedelta) -> None:
        """Share a whole list, which is not empty, for that long, in place of the one before."""
        key = self._keys.listed(organization)
        with self._redis.pipeline() as pipeline:
            pipeline.delete(key)
            pipeline.sadd(key, *members)
            pipeline.pexpire(key, kept)
            pipeline.execute()
