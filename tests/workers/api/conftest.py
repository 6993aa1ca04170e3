from __future__ import annotations

from collections.abc import Iterator

import httpx2
import pytest
import structlog

from tests.support.redis import CheckedRedis
from tests.workers.api.server import Api, running


@pytest.fixture(scope="session", autouse=True)
def logging_through_the_standard_library() -> Iterator[None]:
    """Let pytest see our log lines, in whatever thread they are written."""
    structlog.configure(logger_factory=structlog.stdlib.LoggerFactory(), wrapper_class=structlog.stdlib.BoundLogger)
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def running_api() -> Iterator[Api]:
    with CheckedRedis(fsync="no") as redis, running(redis) as api:
        yield api


@pytest.fixture
def api(running_api: Api) -> Api:
    running_api.redis.client.flushall()
    return running_api


@pytest.fixture
def http(api: Api) -> Iterator[httpx2.Client]:
    with api.client() as client:
        yield client
