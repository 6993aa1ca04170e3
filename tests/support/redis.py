"""The embedded Redis of tests. After each test, and before it stops, every key of ours in it must be as the table says.

Keys are looked at again only if something was written since: a key that was as the table says stays so by itself.

The table is that of `tasks/state/keys.py`. `tests/conftest.py` brings the check to every test.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Self

import pytest
from redis import Redis

from tasks.state.keys import PREFIX, Expires, Retained, RetainedOnceEnded, Row, Stays, row_of
from workers.sandbox.redis import EmbeddedRedis

LOOK = """
local found, cursor = {}, '0'
repeat
    local page = redis.call('SCAN', cursor, 'MATCH', ARGV[1], 'COUNT', 1000)
    cursor = page[1]
    for _, key in ipairs(page[2]) do
        local kind = redis.call('TYPE', key).ok
        if kind ~= 'none' then  -- it may have ended
            found[#found + 1], found[#found + 2], found[#found + 3] = key, kind, redis.call('PTTL', key)
            found[#found + 1] = kind == 'hash' and redis.call('HEXISTS', key, 'ended_at') or 0
        end
    end
until cursor == '0'
return found
"""


class CheckedRedis(EmbeddedRedis):
    """A server for tests."""

    running: ClassVar[list[CheckedRedis]] = []  # of this process
    _looked_at: tuple[object, ...] | None = None  # what was written when the keys were last looked at

    @staticmethod
    def program() -> Path:
        """Return Valkey's server, or with REDIS_SERVER that one: what runs on Valkey must run on Redis too."""
        other = os.environ.get("REDIS_SERVER")
        return Path(other) if other else EmbeddedRedis.program()

    @cached_property
    def client(self) -> Any:
        """A client of the test's own, with which it looks at what the product has stored; untyped, as the store's."""
        return Redis.from_url(self.url, decode_responses=True)

    def start(self) -> Self:
        """Start the server, and have it checked from now on."""
        super().start()
        self.running.append(self)
        return self

    def stop(self) -> None:
        """Check the server a last time, and stop it."""
        found: list[str] = []
        try:
            if self in self.running:  # it was started, and not stopped before
                self.running.remove(self)
                found = self.problems()
        finally:
            self.client.close()
            super().stop()
        assert not found, "\n".join(found)

    def problems(self) -> list[str]:
        """Tell which keys are not as the table says; none of a server that was killed."""
        return list(problems(self.client)) if self._pid is not None else []

    def new_problems(self) -> list[str]:
        """Tell the same of a server in which something was written since this was last asked."""
        if self._pid is None:
            return []
        before, self._looked_at = self._looked_at, self._written()
        return [] if before == self._looked_at and before is not None else self.problems()

    def _written(self) -> tuple[object, ...] | None:
        """Return what changes with every write; None of a replica, which also gets keys that nobody writes to it."""
        told = self.client.info("server", "persistence", "replication")
        names = ("run_id", "rdb_last_save_time", "rdb_changes_since_last_save")
        return tuple(told[name] for name in names) if told["role"] == "master" else None


def forget(redis: Any, pattern: str) -> None:
    """Delete every key of a pattern, if there is any: a test may be the first that runs."""
    for key in redis.scan_iter(pattern):
        redis.delete(key)


@pytest.fixture(autouse=True)
def known_keys() -> Iterator[None]:
    """Fail a test that leaves a key in Redis which the table does not know, or knows otherwise."""
    yield
    found = [problem for server in CheckedRedis.running for problem in server.new_problems()]
    assert not found, "\n".join(found)


def problems(redis: Any, prefix: str = PREFIX) -> Iterator[str]:
    """Yield what is wrong with the keys of ours in a Redis, as it is at one moment."""
    told = iter(redis.eval(LOOK, 0, f"{prefix}*"))
    for key, kind, left, ended in sorted(zip(told, told, told, told, strict=True)):
        row = row_of(key, prefix)
        if row is None:
            yield f"{key} is not in the table of tasks/state/keys.py"
        elif row.type != kind:
            yield f"{key} is a {kind}, and in the table a {row.type}"
        elif not _ends_as_it_should(row, left, has_ended=ended == 1):
            yield f"{key} has {left} ms to live (-1: for ever), and the table says: {row.ends}"


def _ends_as_it_should(row: Row, left: int, *, has_ended: bool) -> bool:
    """Compare a time to live in ms, -1 for none, with the table's."""
    match row.ends:
        case Expires(after):
            return 0 <= left <= after / timedelta(milliseconds=1)
        case Retained():
            return left >= 0
        case RetainedOnceEnded():
            return (left >= 0) == has_ended
        case Stays():
            return left < 0
