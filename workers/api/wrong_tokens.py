"""Who sends wrong tokens again and again is told to stop: 429, over all API processes together.

Only failures are slowed. A right token is taken from any address at any time, so nobody can shut others out by guessing
from behind the same proxy; what keeps guesses from hitting is the length of the tokens. When Redis is away nobody is
slowed, and a wrong token stays a wrong token.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from ipaddress import ip_address, ip_network

from redis.asyncio import Redis
from redis.exceptions import RedisError

from config.log import get_logger
from tasks.state.keys import Keys

WINDOW = Keys.failures.ttl  # from the first wrong token of an address; CONNECTOR_API_FAILURE_LIMIT in it get 401
REDIS_SECONDS = 1.0  # a stranger's request does not wait longer for a Redis that hangs
UNKNOWN = "unknown"  # an address that the server was not told, as behind a UNIX socket


class WrongTokens:
    """Counts wrong tokens by the client's address in Redis, where every API process sees them."""

    def __init__(self, redis: Redis, key: Callable[[str], str], limit: int) -> None:
        self._redis = redis
        self._key = key  # names the counter of an address
        self._limit = limit
        self._log = get_logger(__name__)

    async def count(self, client: tuple[str, int] | None) -> int | None:
        """Count one wrong token; answers the seconds to wait when there were too many, None when there were not."""
        address = network_of(client[0] if client else UNKNOWN)
        try:
            async with asyncio.timeout(REDIS_SECONDS):
                count, seconds = await self._counted(self._key(address))
        except (RedisError, TimeoutError) as error:
            self._log.warning("wrong tokens are not counted: Redis does not answer", error=type(error).__name__)
            return None
        if count == self._limit + 1:
            self._log.warning("too many wrong tokens from one address", address=address, limit=self._limit)
        return None if count <= self._limit else max(seconds, 1)

    async def _counted(self, key: str) -> tuple[int, int]:
        async with self._redis.pipeline(transaction=True) as pipeline:
            pipeline.set(key, 0, ex=WINDOW, nx=True)
            pipeline.incr(key)
            pipeline.ttl(key)
            _, count, seconds = await pipeline.execute()
        return int(count), int(seconds)


def network_of(host: str) -> str:
    """Name who is counted together: an IPv4 address, or the /64 network of an IPv6 address, which one host may fill.

    >>> network_of("192.0.2.7"), network_of("2001:db8:1:2:3::4")
    ('192.0.2.7', '2001-0db8-0001-0002')
    >>> network_of("::ffff:192.0.2.7"), network_of("testclient")
    ('192.0.2.7', 'unknown')
    """
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return UNKNOWN
    if address.version == 4:
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return "-".join(ip_network((address, 64), strict=False).network_address.exploded.split(":")[:4])
