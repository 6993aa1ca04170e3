"""What all parts of the store share: the connection to Redis, the names of keys, the scripts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from tasks.state.keys import Keys
from tasks.state.scripts import Scripts


@dataclass(frozen=True)
class Database:
    """Our part of one Redis."""

    redis: Any  # the stubs answer unions of sync and async, bytes and text; ours is sync and text
    keys: Keys
    scripts: Scripts
    retention: timedelta  # of what is kept of ended replications
    history: int  # events kept per tenant

    def now(self) -> int:
        """Return Redis's own clock in ms: the due index and the places go by it."""
        seconds, micros = self.redis.time()
        return int(seconds * 1000 + micros // 1000)


class Part:
    """One subject of the store. Nothing outside `tasks/state` gets at Redis itself."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._redis = database.redis
        self._keys = database.keys
        self._run = database.scripts.run
