"""Celery's Redis transport on our connections: whoever speaks to the broker notices a failover.

It stands in place of kombu's own under the schemes of Redis's address (workers/app.py). A worker has more
(workers/checked_broker.py); beat, Flower and the rest need no more than this.
"""

from __future__ import annotations

from typing import Any

from kombu.transport import redis as kombu
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.retry import Retry

from tasks.state.connections import PlainConnection, SentinelConnection, SentinelTlsConnection, TlsConnection


class _Sharing:
    """What both channels have in common: one client for all calls, and a connection that is closed stays closed."""

    _shared: Any = None

    def _create_client(self, asynchronous: bool = False) -> Any:
        """Return the client that is there; kombu would make one for each message that is sent, taken or acknowledged.

        One costs as much as a small command to Redis. It keeps no state but its pool, which kombu replaces when it
        connects again.
        """
        if asynchronous:  # kombu keeps these itself
            return super()._create_client(asynchronous=True)  # type: ignore[misc]  # of the class it is mixed into
        if self._shared is None or self._shared.connection_pool is not self.pool:  # type: ignore[attr-defined]  # as above
            self._shared = super()._create_client()  # type: ignore[misc]  # as above
        return self._shared

    def _connparams(self, asynchronous: bool = False) -> Any:
        """Refuse to connect for a connection that is closed.

        When Redis breaks away kombu closes the connection twice; the second time it wants to put unacknowledged
        messages back, finds no parameters, and the AttributeError would end the worker. After an error of Redis's the
        worker reconnects, and the pump sends those messages again.
        """
        if self.connection.client is None:  # type: ignore[attr-defined]  # of the class it is mixed into
            raise RedisConnectionError("the connection to Redis is closed")
        return super()._connparams(asynchronous=asynchronous)  # type: ignore[misc]  # as above


class Channel(_Sharing, kombu.Channel):
    """A channel to Redis's own address."""

    connection_class = PlainConnection
    connection_class_ssl = TlsConnection


class SentinelChannel(_Sharing, kombu.SentinelChannel):
    """A channel to what the Sentinels call the primary."""

    connection_class = SentinelConnection
    connection_class_ssl: Any = SentinelTlsConnection  # kombu names a class of its own that is made like ours
    sentinel_kwargs: dict[str, Any]

    def _sentinel_managed_pool(self, asynchronous: bool = False) -> Any:
        """Ask a Sentinel that is away once, and then the next one."""
        # Not in Celery's configuration: Flower reads that too, and has another class for it.
        self.sentinel_kwargs = {**self.sentinel_kwargs, "retry": Retry(NoBackoff(), 0)}
        return super()._sentinel_managed_pool(asynchronous)  # type: ignore[no-untyped-call]  # kombu


class Transport(kombu.Transport):
    """The transport to Redis's own address."""

    Channel = Channel


class SentinelTransport(kombu.SentinelTransport):
    """The transport by way of Sentinels."""

    Channel = SentinelChannel
