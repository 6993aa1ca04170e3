"""Locks: what only one process does at a time. One whose holder died is free after a while.

redis-py's own lock: it is released by a script, so nobody removes a lock that has become somebody else's meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

from redis.exceptions import LockNotOwnedError
from redis.lock import Lock

from tasks.state.database import Part


class Locks(Part):
    """Hands out locks. Raises redis.RedisError when Redis is away."""

    @contextmanager
    def held(self, name: str, longest: timedelta, wait: timedelta = timedelta()) -> Iterator[bool]:
        """Hold a lock while the block runs; gives False when somebody else holds it.

        longest   after this time the lock is free, whatever became of its holder
        wait      for how long to wait for it; only where a person or a script waits for the answer
        """
        lock = Lock(
            self._redis, self._keys.lock(name), timeout=longest.total_seconds(), blocking=bool(wait),
            blocking_timeout=wait.total_seconds() or None,
        )  # fmt: skip
        got = lock.acquire()
        try:
            yield got
        finally:
            if got:
                with suppress(LockNotOwnedError):  # the block took longer than that
                    lock.release()
