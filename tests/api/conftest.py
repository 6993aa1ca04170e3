from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.api.server import Api, running
from workers.sandbox.redis import EmbeddedRedis


@pytest.fixture(scope="session")
def running_api() -> Iterator[Api]:
    with EmbeddedRedis(fsync="no") as redis, running(redis) as api:
        yield api


@pytest.fixture
def api(running_api: Api) -> Api:
    running_api.store.redis.flushall()
    return running_api


@pytest.fixture
def http(api: Api) -> Iterator[httpx.Client]:
    with api.client() as client:
        yield client
