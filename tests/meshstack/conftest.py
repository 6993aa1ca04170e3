from __future__ import annotations

from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tasks.meshstack.sealed import PrivateKey
from tests.meshstack.scene import Scene, scene
from tests.support.redis import CheckedRedis


@pytest.fixture(scope="session")
def key() -> PrivateKey:
    return PrivateKey(rsa.generate_private_key(public_exponent=65537, key_size=2048))  # quick to draw


@pytest.fixture(scope="module")
def server() -> Iterator[CheckedRedis]:
    with CheckedRedis() as redis:
        yield redis


@pytest.fixture
def played(server: CheckedRedis, key: PrivateKey) -> Iterator[Scene]:
    server.client.flushall()
    with scene(server.url, key) as made:
        yield made
        made.idle()
        assert made.fake.violations == []
