from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from redis import Redis

from tasks.state.store import Store
from tests.support.redis import CheckedRedis


@pytest.fixture(scope="session")
def redis_server() -> Iterator[CheckedRedis]:
    with CheckedRedis() as server:
        yield server


@pytest.fixture
def redis(redis_server: CheckedRedis) -> Iterator[Redis]:
    with Redis.from_url(redis_server.url, decode_responses=True) as client:
        client.flushall()
        yield client


@pytest.fixture
def store(redis: Redis) -> Store:
    return Store(redis, retention=timedelta(days=1), history=100)
