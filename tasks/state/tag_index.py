"""Which account carries which tenant's name, as far as tags were read (`tasks/organization/tag_index.py`)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tasks.state.database import Part
from tasks.state.keys import Keys

BEGAN, TOTAL = "began", "total"  # fields of a look that is under way, beside the accounts
FIELDS = frozenset({BEGAN, TOTAL})


@dataclass(frozen=True)
class ReadTag:
    """Which tenant's name an account carried when its tag was read."""

    read_at: datetime
    tenant: str | None  # None: nobody's


@dataclass(frozen=True)
class Look:
    """How far a look at all tags is."""

    began: datetime
    accounts: tuple[str, ...]  # some of those that are still to be read
    left: int  # of these, all in all
    total: int


class TagIndex(Part):
    """Keeps one index for each organization. Raises redis.RedisError when Redis is away.

    What was read before some seconds without a running worker counts for nothing: Redis may have come back with an
    older state, and an account that was nobody's then may be a tenant's by now (lua/shared/clock.lua).
    """

    def is_whole(self, organization: str) -> bool:
        """Tell whether all accounts of a list of the last minutes have been read."""
        began = self._redis.get(self._keys.tags_whole(organization))
        return began is not None and _moment(int(began)) > self._gap()

    def accounts_of(self, organization: str, tenant: str) -> frozenset[str]:
        """Return the ids of the accounts that carry a tenant's name."""
        found = self._redis.zrangebylex(self._keys.tagged(organization), f"[{tenant} ", f"({tenant}!")
        return frozenset(member.rpartition(" ")[2] for member in found)

    def read(self, organization: str) -> Mapping[str, ReadTag]:
        """Return all that has been read, by account."""
        rows, gap = self._redis.hgetall(self._keys.tags(organization)), self._gap()
        return {account: tag for account, row in rows.items() if (tag := _tag_of(row)).read_at > gap}

    def take_turn(self, organization: str, reader: str) -> bool:
        """Tell whether `reader` is the one who reads now; nobody else is, for a minute from each call and tag."""
        key = self._keys.tags_reader(organization)
        if self._redis.set(key, reader, nx=True, px=Keys.tags_reader.ttl):
            return True
        return bool(self._redis.get(key) == reader and self._redis.pexpire(key, Keys.tags_reader.ttl))

    def leave_turn(self, organization: str, reader: str) -> None:
        """Let somebody else read at once, if it is the turn of `reader`."""
        key = self._keys.tags_reader(organization)
        if self._redis.get(key) == reader:  # should it have become another one's now, two read: no harm
            self._redis.delete(key)

    def begin(self, organization: str, accounts: Collection[str], total: int, began: datetime) -> None:
        """Begin a look at these accounts; all the others of the list, which has `total`, are known."""
        key = self._keys.tags_unread(organization)
        with self._redis.pipeline() as pipeline:
            pipeline.delete(key)
            pipeline.hset(key, mapping={**dict.fromkeys(accounts, ""), BEGAN: began.isoformat(), TOTAL: total})
            pipeline.pexpire(key, Keys.tags_unread.ttl)
            pipeline.execute()

    def look(self, organization: str, most: int) -> Look | None:
        """Return the look that is under way, with at most so many of its accounts; None: nobody has begun one."""
        key = self._keys.tags_unread(organization)
        with self._redis.pipeline() as pipeline:
            pipeline.hmget(key, BEGAN, TOTAL)
            pipeline.hlen(key)
            pipeline.hrandfield(key, most + len(FIELDS))
            (began, total), left, some = pipeline.execute()
        if total is None or (since := datetime.fromisoformat(began)) <= self._gap():
            return None
        accounts = tuple(sorted(set(some) - FIELDS)[:most])
        return Look(since, accounts, left - len(FIELDS), int(total))

    def note(self, organization: str, account: str, tag: ReadTag) -> None:
        """Remember what the tag of an account says, in place of what it said before. The look and the turn go on."""
        tags, tagged = self._keys.tags(organization), self._keys.tagged(organization)
        unread, turn = self._keys.tags_unread(organization), self._keys.tags_reader(organization)
        before = self._redis.hget(tags, account)
        with self._redis.pipeline() as pipeline:
            if before is not None and (former := _tag_of(before).tenant) != tag.tenant:
                pipeline.zrem(tagged, f"{former} {account}")
            if tag.tenant is not None:
                pipeline.zadd(tagged, {f"{tag.tenant} {account}": 0})
            pipeline.hset(tags, account, f"{int(tag.read_at.timestamp())} {tag.tenant or ''}")
            pipeline.pexpire(tags, Keys.tags.ttl)
            pipeline.pexpire(tagged, Keys.tagged.ttl)
            pipeline.hdel(unread, account)
            pipeline.pexpire(unread, Keys.tags_unread.ttl)
            pipeline.pexpire(turn, Keys.tags_reader.ttl)
            pipeline.execute()

    def end(self, organization: str, began: datetime, whole_for: timedelta) -> None:
        """End the look that began then; what it has found is all that there is, for that long."""
        with self._redis.pipeline() as pipeline:
            if whole_for > timedelta():
                pipeline.set(self._keys.tags_whole(organization), int(began.timestamp() * 1000), px=whole_for)
            pipeline.delete(self._keys.tags_unread(organization), self._keys.tags_reader(organization))
            pipeline.execute()

    def _gap(self) -> datetime:
        """Return when a worker's pump last looked again after none had for a while; 1970 when that never was."""
        return _moment(int(self._redis.hget(self._keys.clock, "gap") or 0))


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _tag_of(row: str) -> ReadTag:
    seconds, _, tenant = row.partition(" ")
    return ReadTag(datetime.fromtimestamp(int(seconds), UTC), tenant or None)
