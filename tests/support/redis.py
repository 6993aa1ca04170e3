"""The embedded Redis of tests. After each test, and before it stops, every key of ours in it must be as the table says.

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


class CheckedRedis(EmbeddedRedis):
    """A server for tests."""

    running: ClassVar[list[CheckedRedis]] = []  # of this process

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


def forget(redis: Any, pattern: str) -> None:
    """Delete every key of a pattern, if there is any: a test may be the first that runs."""
    for key in redis.scan_iter(pattern):
        redis.delete(key)


@pytest.fixture(autouse=True)
def known_keys() -> Iterator[None]:
    """Fail a test that leaves a key in Redis which the table does not know, or knows otherwise."""
    yield
    found = [problem for server in CheckedRedis.running for problem in server.problems()]
    assert not found, "\n".join(found)


def problems(redis: Any, prefix: str = PREFIX) -> Iterator[str]:
    """Yield what is wrong with the keys of ours in a Redis, as it is at one moment."""
    keys = sorted(redis.scan_iter(f"{prefix}*", count=1000))
    with redis.pipeline() as pipeline:
        for key in keys:
            pipeline.type(key)
            pipeline.pttl(key)
            pipeline.hexists(key, "ended_at")
        answers = pipeline.execute(raise_on_error=False)  # most keys are no hashes
    for key, kind, left, ended in zip(keys, answers[::3], answers[1::3], answers[2::3], strict=True):
        row = row_of(key, prefix)
        if kind == "none":  # it has ended meanwhile
            continue
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
