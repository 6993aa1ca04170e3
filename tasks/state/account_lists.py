"""Emails and names of an organization's accounts, shared for some minutes (`tasks/organization/account_lists.py`)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta

from tasks.state.database import Part


class AccountLists(Part):
    """Keeps one list for each organization. Raises redis.RedisError when Redis is away."""

    def find(self, organization: str, members: Collection[str]) -> frozenset[str] | None:
        """Return the ids of the accounts that any of these names; None: there is no list."""
        key = self._keys.listed(organization)
        with self._redis.pipeline() as pipeline:
            pipeline.exists(key)
            pipeline.hmget(key, list(members))
            listed, found = pipeline.execute()
        return frozenset(account for ids in found if ids for account in ids.split()) if listed else None

    def share(self, organization: str, ids: Mapping[str, Collection[str]], kept: timedelta) -> None:
        """Share a whole list, which is not empty, for that long, in place of the one before."""
        key = self._keys.listed(organization)
        with self._redis.pipeline() as pipeline:
            pipeline.delete(key)
            pipeline.hset(key, mapping={member: " ".join(accounts) for member, accounts in ids.items()})
            pipeline.pexpire(key, kept)
            pipeline.execute()
