"""What all parts of the store share: the connection to Redis, the names of keys, the scripts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from redis import RedisError

from tasks.state.keys import Keys
from tasks.state.parameters import Now, Parameters, milliseconds
from tasks.state.scripts import Scripts

REPLICATED = timedelta(seconds=2)  # for which a promise waits for replicas; they usually have it within a millisecond


class NotReplicated(RedisError):
    """Too few replicas of Redis have what was written, so a failover might lose it: nothing is promised."""

    def __init__(self, reached: int, wanted: int) -> None:
        super().__init__(f"{reached} of {wanted} replicas of Redis have confirmed it")
        self.reached = reached
        self.wanted = wanted


@dataclass(frozen=True)
class Database:
    """Our part of one Redis."""

    redis: Any  # the stubs answer unions of sync and async, bytes and text; ours is sync and text
    keys: Keys
    scripts: Scripts
    retention: timedelta  # of what is kept of ended replications
    history: int  # events kept per tenant
    replicas: int = 0  # of Redis that must have a promise before it is given

    def promise(self, write: Callable[[Any], object]) -> Any:
        """Write what somebody is told of or relies on, and wait until enough replicas of Redis have it too.

        write   is given redis-py's client or pipeline and makes one command of it
        Answers what Redis answers. Raises NotReplicated when too few have it in time: then it may or may not last.
        """
        if self.replicas == 0:
            return write(self.redis)
        with self.redis.pipeline(transaction=False) as pipeline:  # WAIT is about what its own connection has written
            write(pipeline)
            pipeline.execute_command(*self._wait)
            return self._promised(*pipeline.execute())

    async def promise_on_loop(self, write: Callable[[Any], Awaitable[object]]) -> Any:
        """Do the same with a client of redis.asyncio."""
        if self.replicas == 0:
            return await write(self.redis)
        async with self.redis.pipeline(transaction=False) as pipeline:
            await write(pipeline)
            pipeline.execute_command(*self._wait)
            return self._promised(*await pipeline.execute())

    @property
    def _wait(self) -> tuple[str, int, int]:
        return "WAIT", self.replicas, milliseconds(REPLICATED)

    def _promised(self, answer: Any, reached: int) -> Any:
        if reached < self.replicas:
            raise NotReplicated(reached, self.replicas)
        return answer

    def now(self) -> int:
        """Return the connector's own clock in ms (lua/shared/clock.lua): the due index and the places go by it."""
        return int(self.scripts.run(Now()))


class Part:
    """One subject of the store. Nothing outside `tasks/state` gets at Redis itself."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._redis = database.redis
        self._keys = database.keys
        self._run = database.scripts.run

    def _promise(self, parameters: Parameters) -> Any:
        """Run a script whose outcome is promised to somebody: see `Database.promise`."""
        return self._database.promise(lambda client: self._run(parameters, client))
