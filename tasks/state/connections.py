"""Connections to Redis that notice when their server is not the one to talk to any more.

After a failover the old primary is a replica and keeps its connections open: it refuses every write (READONLY) and
ends every wait (UNBLOCKED), for as long as somebody keeps asking *it*. So such an answer counts as a lost connection:
redis-py and Celery then connect anew, to whatever the address or the Sentinels lead to by then.
"""

from __future__ import annotations

from typing import Any

from redis import Redis, asyncio
from redis.asyncio import sentinel as asyncio_sentinel
from redis.backoff import NoBackoff
from redis.connection import Connection, ConnectionPool, SSLConnection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import MasterDownError, OutOfMemoryError, ReadOnlyError, RedisError, ResponseError
from redis.retry import Retry
from redis.sentinel import Sentinel, SentinelConnectionPool, SentinelManagedConnection, SentinelManagedSSLConnection

from config.settings import Settings

NOT_SERVING = (ReadOnlyError, MasterDownError, OutOfMemoryError)  # and BusyLoadingError, which is a lost connection
NOT_SERVING_CODES = frozenset({"UNBLOCKED", "NOREPLICAS", "MISCONF", "BUSY"})  # for which redis-py has no class


def does_not_serve(answer: ResponseError) -> bool:
    """Tell whether an error says that this server cannot do its work now, rather than that the command is wrong."""
    return isinstance(answer, NOT_SERVING) or str(answer).partition(" ")[0] in NOT_SERVING_CODES


class RedisFull(RedisConnectionError):
    """Redis answers, but has no memory left to store anything."""


def why_away(error: RedisError) -> str:
    """Say to people why Redis cannot be used."""
    if isinstance(error, RedisFull):
        return "Redis is full and stores nothing more: give it more memory (maxmemory)."
    return "Redis does not answer."


def _lost(answer: ResponseError) -> RedisConnectionError:
    kind = RedisFull if isinstance(answer, OutOfMemoryError) else RedisConnectionError
    return kind(f"this Redis is not ready: {answer}")


class _Noticing:
    """What the connections below have in common: a server that does not serve is a lost connection."""

    def read_response(self, *args: Any, **options: Any) -> Any:
        """Read an answer; raises redis-py's ConnectionError when the server does not serve."""
        try:
            return super().read_response(*args, **options)  # type: ignore[misc]  # of the class it is mixed into
        except ResponseError as answer:
            if not does_not_serve(answer):
                raise
            self.disconnect()  # type: ignore[attr-defined]  # as above
            raise _lost(answer) from answer


class PlainConnection(_Noticing, Connection):
    """To Redis's own address."""


class TlsConnection(_Noticing, SSLConnection):
    """To Redis's own address, over TLS."""


class SentinelConnection(_Noticing, SentinelManagedConnection):
    """To what the Sentinels call the primary."""


class SentinelTlsConnection(_Noticing, SentinelManagedSSLConnection):
    """To what the Sentinels call the primary, over TLS."""


class _SentinelPool(SentinelConnectionPool):
    """Connections to what the Sentinels call the primary, and those to the Sentinels."""

    def close(self) -> None:
        """Close all of them."""
        super().close()
        self.sentinel_manager.close()


class _NoticingAsync:
    """The same for asyncio."""

    async def read_response(self, *args: Any, **options: Any) -> Any:
        """Read an answer; raises redis-py's ConnectionError when the server does not serve."""
        try:
            return await super().read_response(*args, **options)  # type: ignore[misc]  # of the class it is mixed into
        except ResponseError as answer:
            if not does_not_serve(answer):
                raise
            await self.disconnect()  # type: ignore[attr-defined]  # as above
            raise _lost(answer) from answer


class AsyncPlainConnection(_NoticingAsync, asyncio.Connection):
    """To Redis's own address."""


class AsyncTlsConnection(_NoticingAsync, asyncio.SSLConnection):
    """To Redis's own address, over TLS."""


class AsyncSentinelConnection(_NoticingAsync, asyncio_sentinel.SentinelManagedConnection):
    """To what the Sentinels call the primary."""


class AsyncSentinelTlsConnection(_NoticingAsync, asyncio_sentinel.SentinelManagedSSLConnection):
    """To what the Sentinels call the primary, over TLS."""


class _AsyncSentinelPool(asyncio_sentinel.SentinelConnectionPool):
    """Connections to what the Sentinels call the primary, and those to the Sentinels."""

    async def aclose(self) -> None:
        """Close all of them."""
        await super().aclose()
        await self.sentinel_manager.aclose()


def client(settings: Settings, **options: Any) -> Redis:
    """Make a client; nothing is sent yet. `options` are redis-py's, of each connection."""
    address = settings.redis
    tls = address.tls.options if address.tls else {}
    given = {**address.credentials, **tls, **options}
    if address.master_name is None:
        [(host, port)] = address.nodes
        kind = TlsConnection if tls else PlainConnection
        return Redis.from_pool(ConnectionPool(connection_class=kind, host=host, port=port, **given))
    asked = {**settings.redis_sentinels, "retry": Retry(NoBackoff(), 0)}  # one that is away is not asked again
    sentinels = Sentinel(address.nodes, sentinel_kwargs=asked)  # type: ignore[no-untyped-call]  # redis-py
    given["connection_class"] = SentinelTlsConnection if tls else SentinelConnection
    pool = _SentinelPool(address.master_name, sentinels, **given)  # type: ignore[no-untyped-call]  # redis-py
    return Redis.from_pool(pool)


def async_client(settings: Settings, **options: Any) -> asyncio.Redis:
    """Make a client for asyncio; nothing is sent yet. `options` are redis-py's, of each connection."""
    address = settings.redis
    tls = address.tls.options if address.tls else {}
    given = {**address.credentials, **tls, **options}
    if address.master_name is None:
        [(host, port)] = address.nodes
        kind = AsyncTlsConnection if tls else AsyncPlainConnection
        return asyncio.Redis.from_pool(asyncio.ConnectionPool(connection_class=kind, host=host, port=port, **given))
    asked = {**settings.redis_sentinels, "retry": asyncio.retry.Retry(NoBackoff(), 0)}
    sentinels = asyncio_sentinel.Sentinel(address.nodes, sentinel_kwargs=asked)  # type: ignore[no-untyped-call]  # redis-py
    given["connection_class"] = AsyncSentinelTlsConnection if tls else AsyncSentinelConnection
    pool = _AsyncSentinelPool(address.master_name, sentinels, **given)  # type: ignore[no-untyped-call]  # redis-py
    return asyncio.Redis.from_pool(pool)
