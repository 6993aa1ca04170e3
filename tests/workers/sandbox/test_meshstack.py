"""The sandbox's meshStack, with the runner that is meant for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from pydantic import SecretStr

from tasks.meshstack.client import ApiKey, MeshStack
from tasks.meshstack.errors import Refused
from tasks.meshstack.runs import Address, Runs
from tasks.meshstack.sealed import PrivateKey
from tests.meshstack.scene import QUICK, Scene, scene
from tests.support.redis import CheckedRedis
from tests.support.waiting import eventually
from workers.runner.process import assemble
from workers.sandbox.meshstack.app import CLIENT_ID, CLIENT_SECRET, RUNNER_UUID, StandIn, standing_in

KEY = ApiKey(CLIENT_ID, CLIENT_SECRET)


@pytest.fixture
def served() -> Iterator[tuple[StandIn, str]]:
    with standing_in() as served:
        yield served


@pytest.fixture(scope="module")
def redis() -> Iterator[CheckedRedis]:
    with CheckedRedis(fsync="no") as server:
        yield server


@pytest.fixture
def played(redis: CheckedRedis, served: tuple[StandIn, str]) -> Iterator[Scene]:
    redis.client.flushall()
    given: dict[str, Any] = {
        "meshstack_url": served[1],
        "meshstack_client_id": CLIENT_ID,
        "meshstack_client_secret": SecretStr(CLIENT_SECRET),
        "runner_uuid": RUNNER_UUID,
    }
    with scene(
        redis.url, PrivateKey(rsa.generate_private_key(public_exponent=65537, key_size=2048)), **given
    ) as played:
        yield played


@contextmanager
def running(played: Scene) -> Iterator[None]:
    runner = assemble(played.connector, KEY, None, None, QUICK)
    thread = Thread(target=runner.run)
    thread.start()
    try:
        yield
    finally:
        runner.stop()
        thread.join(30)
    assert not thread.is_alive()


def ended(url: str) -> dict[str, Any]:
    """Wait until the newest run has ended."""

    def newest() -> dict[str, Any]:
        found: dict[str, Any] = httpx2.get(f"{url}/runs").json()[0]
        return found

    eventually(lambda: newest()["status"] in ("SUCCEEDED", "FAILED", "ABORTED"), 60)
    return newest()


def test_an_order_travels_and_comes_back(played: Scene, served: tuple[StandIn, str]) -> None:
    url = served[1]
    order = {"project": "shop", "people": ["alice@example.com"]}
    queued = httpx2.post(f"{url}/runs", json=order)
    assert queued.json()["status"] == "QUEUED"

    with running(played):
        run = ended(url)
        assert run["status"] == "SUCCEEDED"
        assert run["outputs"]["account_id"] == played.account("shop")
        assert {step["status"] for step in run["steps"]} == {"SUCCEEDED"}
        httpx2.post(f"{url}/runs", json={"project": "shop"})
        assert ended(url)["outputs"] == run["outputs"]

    page = httpx2.get(url).text
    assert "likvid.shop.aws.sandbox: APPLY SUCCEEDED" in page
    assert run["outputs"]["account_id"] in page


def test_it_checks_what_meshstack_checks(served: tuple[StandIn, str]) -> None:
    stand_in, url = served
    with pytest.raises(Refused, match="unknown client"):
        Runs(MeshStack(url, ApiKey(CLIENT_ID, "wrong")), RUNNER_UUID).claim()
    ours = Runs(MeshStack(url, KEY), RUNNER_UUID)
    assert ours.claim() is None
    assert Runs(MeshStack(url, KEY), "another").claim() is None

    run = stand_in.runs.queue("shop")
    later = stand_in.runs.queue("shop")
    assert ours.claim() is not None
    assert ours.claim() is None, "one run of a building block at a time"
    ours.update(Address(run.uuid, run.token), {"status": "SUCCEEDED"})
    assert run.status == "FAILED", "an output is missing"
    assert ours.claim() is not None
    stand_in.runs.abort(later.uuid)
    assert ours.update(Address(later.uuid, later.token), {"status": "IN_PROGRESS"}).name == "ABORTING"
    ours.update(Address(later.uuid, later.token), {"status": "ABORTED"})
    assert later.status == "ABORTED"
    headers = {"Authorization": f"Bearer {later.token}"}
    assert httpx2.get(f"{url}/api/meshobjects/meshbuildingblockruns/{later.uuid}", headers=headers).status_code == 406


@pytest.mark.parametrize("wrong", [{}, {"project": "<b>"}, {"project": "shop", "behavior": "EAT"}])
def test_a_wrong_order_is_refused(served: tuple[StandIn, str], wrong: dict[str, str]) -> None:
    assert httpx2.post(f"{served[1]}/runs", json=wrong).status_code == 422
    assert httpx2.post(f"{served[1]}/runs", content=b"no").status_code == 400
