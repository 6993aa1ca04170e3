from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tasks.connector import Connector, redis_client
from tasks.meshstack.sealed import PrivateKey
from tasks.state.store import Store
from tests.meshstack.pulling import House, Mesh
from tests.meshstack.scene import Scene, scene, settings
from tests.support.examples import example_catalog
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


@pytest.fixture
def house(server: CheckedRedis) -> Iterator[House]:
    server.client.flushall()
    made = settings(server.url, meshstack_pull_interval=timedelta(minutes=1))
    store = Store(redis_client(made), timedelta(days=1), history=1000)
    mesh = Mesh()
    mesh.add("meshworkspaces", {"name": "likvid", "tags": {"cost": ["1"]}}, spec={"displayName": "Likvid"})
    mesh.project(env=["dev"])
    mesh.tenant()
    for name in ("ada", "bob", "cyd"):
        mesh.user(name)
    mesh.bind("ada")
    yield House(mesh, Connector(made, example_catalog(), store))
    store.close()
