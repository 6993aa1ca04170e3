"""What a whole organization looked like when it was last listed (`tasks/organization/snapshot.py`).

An account that we are about to change is noted as touched, so that no snapshot from before tells anything of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from tasks.state.database import Part
from tasks.state.keys import Keys

TOUCHED_FOR = timedelta(days=1)  # longer than any snapshot lives
TAKEN_AT = "taken_at"  # the field beside the account ids


@dataclass(frozen=True)
class Shown:
    """An account in a snapshot."""

    document: str  # JSON text
    taken_at: datetime  # when the list was begun
    touched_at: float | None  # when we last were about to change it, in seconds; None: not within a day


@dataclass(frozen=True)
class Listing:
    """The last time when an organization's accounts were listed."""

    at: datetime
    accounts: int


class Snapshots(Part):
    """Keeps snapshots. Raises redis.RedisError when Redis is away."""

    def share_accounts(self, organization: str, rows: Mapping[str, str], taken_at: datetime) -> None:
        """Share an organization's accounts, as JSON text by id."""
        self._share(self._keys.snapshot(organization), rows, taken_at, Keys.snapshot.ttl)

    def share_instances(self, stack_set: str, rows: Mapping[str, str], taken_at: datetime) -> None:
        """Share a StackSet's instances, as JSON text by account id."""
        self._share(self._keys.instances(stack_set), rows, taken_at, Keys.instances.ttl)

    def account(self, organization: str, account_id: str) -> Shown | None:
        """Read an account; None: it is in no snapshot."""
        return self._shown(self._keys.snapshot(organization), account_id)

    def instances(self, stack_set: str, account_id: str) -> Shown | None:
        """Read an account's instances of a StackSet; None: they are in no snapshot."""
        return self._shown(self._keys.instances(stack_set), account_id)

    def touch(self, account_id: str, now: datetime) -> None:
        """Note that we are about to change an account."""
        with self._redis.pipeline() as pipeline:
            pipeline.zadd(self._keys.touched, {account_id: now.timestamp()})
            pipeline.zremrangebyscore(self._keys.touched, "-inf", (now - TOUCHED_FOR).timestamp())
            pipeline.execute()

    def note_listing(self, organization: str, listing: Listing) -> None:
        """Note that an organization's accounts were listed."""
        fields = {"at": listing.at.isoformat(), "accounts": listing.accounts}
        self._redis.hset(self._keys.listings(organization), mapping=fields)

    def last_listing(self, organization: str) -> Listing | None:
        """Read when an organization's accounts were listed last; None: never."""
        row: dict[str, str] = self._redis.hgetall(self._keys.listings(organization))
        return Listing(datetime.fromisoformat(row["at"]), int(row["accounts"])) if row else None

    def _share(self, key: str, rows: Mapping[str, str], taken_at: datetime, kept: timedelta) -> None:
        with self._redis.pipeline() as pipeline:
            pipeline.delete(key)
            pipeline.hset(key, mapping={TAKEN_AT: taken_at.isoformat(), **rows})
            pipeline.pexpire(key, kept)
            pipeline.execute()

    def _shown(self, key: str, account_id: str) -> Shown | None:
        with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.hmget(key, TAKEN_AT, account_id)
            pipeline.zscore(self._keys.touched, account_id)
            (taken_at, document), touched = pipeline.execute()
        if taken_at is None or document is None:
            return None
        return Shown(document, datetime.fromisoformat(taken_at), touched)
