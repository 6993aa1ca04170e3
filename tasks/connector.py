"""What a process of ours asks with: settings, catalog and store; made once, when first needed.

A worker has more: `tasks/worker.py`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import structlog
from redis import Redis, asyncio
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from config.catalog import Catalog, load_catalog
from config.production import check_production
from config.proxies import Proxies
from config.secret import LookUp
from config.settings import Settings
from tasks.state import connections
from tasks.state.store import Store

AMBIENT_SECRETS = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN", "VAULT_TOKEN")
"""Variables of others that hold a secret; they must never be shown either."""
SOCKET_SECONDS = 3.0
"""A half-open connection must hang no worker, nor a lease's renewal beyond the lease; every script answers in ms."""
_OPTIONS: Mapping[str, Any] = {
    "decode_responses": True,
    "socket_timeout": SOCKET_SECONDS,
    "socket_connect_timeout": SOCKET_SECONDS,
    "socket_keepalive": True,
    "health_check_interval": 30,
    "retry_on_error": [RedisConnectionError, RedisTimeoutError],
}
# Every script may run twice: fences and content digests make the second run harmless.
_BACKOFF, _RETRIES = ExponentialBackoff(cap=1.0, base=0.05), 3


@dataclass(frozen=True)
class Connector:
    """One process's way to the documents and to Redis. Nothing is connected before it is used."""

    settings: Settings
    catalog: Catalog
    store: Store

    @cached_property
    def secrets(self) -> tuple[str, ...]:
        """Every secret text that must never be shown."""
        ambient = (text for name in AMBIENT_SECRETS if (text := os.environ.get(name)))
        return (*self.catalog.secrets, *self.settings.secret_texts, *Proxies.read(os.environ).secrets, *ambient)

    def log_notes(self) -> None:
        """Log what in the documents has no effect or looks unwise; call it once the logs are set up."""
        for note in self.catalog.notes:
            structlog.get_logger(__name__).warning("a note on the configuration", note=note)


def redis_client(settings: Settings) -> Redis:
    """Make a client that reconnects by itself; nothing is sent yet."""
    return connections.client(settings, **_OPTIONS, retry=Retry(_BACKOFF, _RETRIES))


def async_redis_client(settings: Settings) -> asyncio.Redis:
    """Make the same client for an event loop."""
    return connections.async_client(settings, **_OPTIONS, retry=AsyncRetry(_BACKOFF, _RETRIES))


def make_store(settings: Settings) -> Store:
    """Prepare what stands in Redis; nothing is sent yet."""
    return Store(redis_client(settings), settings.retention, settings.event_history, replicas=settings.redis_replicas)


def make_connector(settings: Settings, *, secrets: bool = False, look_up: LookUp | None = None) -> Connector:
    """Read the configuration directory and prepare the store.

    secrets  True: for who calls AWS; others need not be given the secrets of the documents
    look_up  asks a secret store
    Raises CatalogError with every mistake, SettingsError for what must not be in production.
    """
    store = make_store(settings)
    catalog = load_catalog([settings.config_dir], secrets=secrets, look_up=look_up)
    check_production(settings, catalog.secrets)
    return Connector(settings, catalog, store)
