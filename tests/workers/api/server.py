"""The API over real HTTP for tests: uvicorn in a thread, a Redis-protocol server of its own, the example documents."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any, Literal

import httpx2
import uvicorn
from fastapi import FastAPI
from pydantic import SecretStr
from starlette.types import ASGIApp

from config.api_token import ApiToken
from config.settings import Settings
from tasks.connector import Connector, redis_client
from tasks.model.replication import State, StepState
from tasks.state.outcome import StepRecord
from tasks.state.store import Store
from tests.support.examples import CONFIG, example_catalog
from tests.support.redis import CheckedRedis
from tests.support.waiting import eventually
from workers.api.app import create_app
from workers.api.events import HEARTBEAT, MOST_STREAMS

DATA = TemporaryDirectory(prefix="connector-api-")  # of this process; it is gone at its end
WRITE, READ, ORDER = "writing-token", "reading-token", "ordering-token"
TOKENS = (
    ApiToken.of("producer", "admin", WRITE),
    ApiToken.of("viewer", "read", READ),
    ApiToken.of("meshstack", "order", ORDER),
)
TENANT = "/api/v1/tenants/likvid/shop/aws.sandbox"
BODY: dict[str, Any] = {
    "landingZone": "development",
    "tenantPlatformNumber": 7,
    "workspace": {"displayName": "Likvid Bank", "tags": {"costCenter": ["4711"]}},
    "project": {"displayName": "Web shop", "tags": {"env": ["dev"]}, "createdBy": {"email": "ada@example.com"}},
    "paymentMethod": "likvid-main",
    "access": [
        {"meshIdentifier": "u1", "username": "ada", "firstName": "Ada", "lastName": "L", "roles": ["admin"]},
        {"username": "bob", "email": "bob@example.com", "euid": "bob@example.com", "roles": ["user", "reader"]},
    ],
}


def make(redis_url: str, tokens: tuple[ApiToken, ...] = TOKENS, **settings: Any) -> Connector:
    """Make a connector of the example documents."""
    settings.setdefault("data_dir", Path(DATA.name))
    made = Settings(_env_file=None, redis_url=SecretStr(redis_url), config_dir=CONFIG, api_tokens=tokens, **settings)
    store = Store(redis_client(made), timedelta(days=1), history=1000, replicas=made.redis_replicas)
    return Connector(made, example_catalog(), store)


@contextmanager
def serving(app: ASGIApp, lifespan: Literal["on", "off"] = "on") -> Iterator[str]:
    """Serve an application on a free port of 127.0.0.1; gives its base URL."""
    config = uvicorn.Config(
        app, port=0, lifespan=lifespan, log_config=None, access_log=False, timeout_graceful_shutdown=2
    )
    server = uvicorn.Server(config)
    thread = Thread(target=server.run, daemon=True)
    thread.start()
    try:
        eventually(lambda: server.started or not thread.is_alive())
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(60)
        assert not thread.is_alive(), "the server does not end"


@dataclass
class Api:
    """A running API with everything behind it."""

    url: str
    redis: CheckedRedis
    connector: Connector
    app: FastAPI

    @property
    def store(self) -> Store:
        return self.connector.store

    def client(self, token: str | None = WRITE) -> httpx2.Client:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        # no TLS here; reading the certificates for each client is what would take most of the tests' time
        return httpx2.Client(base_url=self.url, headers=headers, timeout=30, verify=False)

    def begin(self, replication: str) -> None:
        """Take a replication up as a worker does: it runs from now on."""
        [dispatch] = self.store.work.pump("celery", 10, timedelta(seconds=60), timedelta(hours=1), "w1")
        assert dispatch.replication == replication
        assert self.store.work.begin(dispatch, "holder", timedelta(seconds=60))

    def end(self, replication: str) -> None:
        """Record the call that runs, as a worker does."""
        name = self.store.replications.find(replication).steps[0].name  # type: ignore[union-attr]  # it is known
        step = StepState(name=name, state=State.WAITING)
        assert self.store.work.record(replication, "holder", StepRecord(0, step, State.WAITING))

    def keys(self) -> list[str]:
        """Name everything that Redis holds."""
        return sorted(map(str, self.redis.client.keys("*")))


@contextmanager
def running(
    redis: CheckedRedis,
    url: str | None = None,
    *,
    most_streams: int = MOST_STREAMS,
    heartbeat: timedelta = HEARTBEAT,
    **settings: Any,
) -> Iterator[Api]:
    """Run the API; `url` when Redis is reached in another way than at its own address."""
    connector = make(url or redis.url, **settings)
    app = create_app(connector, most_streams=most_streams, heartbeat=heartbeat)
    with serving(app) as url:
        yield Api(url, redis, connector, app)
    connector.store.close()


def digest(token: str) -> str:
    return sha256(token.encode()).hexdigest()


def is_problem(response: httpx2.Response, status: int) -> dict[str, Any]:
    """Check that an answer is a complete problem document; gives it."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["cache-control"] == "no-store"
    document: dict[str, Any] = response.json()
    assert {"type", "title", "status", "detail", "instance"} <= document.keys()
    assert document["status"] == status
    return document
