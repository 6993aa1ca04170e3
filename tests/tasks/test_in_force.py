from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from threading import Barrier

import pytest
from pydantic import SecretStr

from config.catalog import load_catalog
from config.platform import CredentialAuth
from config.settings import Settings
from tasks.connector import Connector, redis_client
from tasks.in_force import InForce
from tasks.state.store import Store
from tests.support.redis import CheckedRedis
from workers.examples import EXAMPLES
from workers.sandbox import organization

ZONE = """
apiVersion: v1
kind: meshLandingZone
metadata: {name: fresh}
spec:
  platformRef: {identifier: aws.sandbox}
  platformProperties: {type: aws, aws: {awsEnrollAccount: false, awsRoleMappings: []}}
"""
DOCUMENT = {
    "apiVersion": "v1",
    "kind": "meshLocation",
    "metadata": {"name": "elsewhere"},
    "spec": {"displayName": "Elsewhere"},
}
KEY = "meshLocation elsewhere"


@dataclass
class Seconds:
    """A clock."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class House:
    """A process with a configuration directory of its own."""

    directory: Path
    clock: Seconds
    in_force: InForce[Connector]
    store: Store

    def write(self, name: str, text: str) -> None:
        (self.directory / name).write_text(text)

    def zones(self, later: float = 1.0) -> set[str]:
        """Look after some time at the landing zones that are in force."""
        self.clock.now += later
        return set(self.in_force.now().catalog.landing_zones)

    def locations(self) -> set[str]:
        return set(self.in_force.now().catalog.locations)


@pytest.fixture(scope="module")
def redis() -> Iterator[CheckedRedis]:
    with CheckedRedis(fsync="no") as server:
        yield server


@pytest.fixture
def open_house(redis: CheckedRedis, tmp_path: Path) -> Iterator[Callable[[], House]]:
    redis.client.flushall()
    directory = tmp_path / "config"
    shutil.copytree(EXAMPLES / "config", directory)
    settings = Settings(_env_file=None, redis_url=SecretStr(redis.url), config_dir=directory)
    stores: list[Store] = []

    def make() -> House:
        store = Store(redis_client(settings), timedelta(days=1), history=1000)
        stores.append(store)
        clock = Seconds()
        connector = Connector(settings, load_catalog([directory], secrets=False), store)
        return House(directory, clock, InForce(connector, clock=clock), store)

    yield make
    for store in stores:
        store.close()


@pytest.fixture
def house(open_house: Callable[[], House]) -> House:
    return open_house()


def test_a_changed_directory_counts_within_seconds(house: House) -> None:
    first = house.in_force.now()
    house.write("fresh.yaml", ZONE)
    assert "fresh" not in house.zones(0.5)

    assert "fresh" not in house.zones()  # it may be written still
    assert "fresh" in house.zones()

    assert "fresh" not in first.catalog.landing_zones  # what has begun goes on with what it began with
    (house.directory / "fresh.yaml").unlink()
    house.zones()
    assert "fresh" not in house.zones()


def test_a_rotated_secret_counts_without_a_restart(redis: CheckedRedis, tmp_path: Path) -> None:
    directory, secret = tmp_path / "config", tmp_path / "secrets" / "key"
    shutil.copytree(EXAMPLES / "config", directory)
    secret.parent.mkdir()
    secret.write_text("the-old-key")
    document = directory / "platform.yaml"
    document.write_text(document.read_text().replace("{env: SANDBOX_SECRET_KEY}", "{file: ../secrets/key}"))
    settings = Settings(_env_file=None, redis_url=SecretStr(redis.url), config_dir=directory)
    environment = organization.environment("http://127.0.0.1:1", redis.url)
    store, clock = Store(redis_client(settings), timedelta(days=1), history=1000), Seconds()
    with closing(store), pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        catalog = load_catalog([directory])
        in_force = InForce(Connector(settings, catalog, store), secrets=True, clock=clock)
        assert key_of(in_force) == "the-old-key"

        rotated = secret.with_name("next")
        rotated.write_text("the-new-key, which is longer")
        rotated.rename(secret)
        for _ in range(2):
            clock.now += 1
            in_force.now()

        assert key_of(in_force) == "the-new-key, which is longer"
        assert "the-new-key, which is longer" in in_force.now().secrets


def test_a_file_of_a_secret_counts_whenever_it_comes_or_may_be_read(redis: CheckedRedis, tmp_path: Path) -> None:
    """As long and as old as before, or named by a document before it was there: it is taken as soon as it is right."""
    directory, secret, moved = tmp_path / "config", tmp_path / "secrets" / "key", tmp_path / "secrets" / "moved"
    shutil.copytree(EXAMPLES / "config", directory)
    secret.parent.mkdir()
    secret.write_text("the-old-key")
    os.utime(secret, ns=(1, 1))
    document = directory / "platform.yaml"
    document.write_text(document.read_text().replace("{env: SANDBOX_SECRET_KEY}", "{file: ../secrets/key}"))
    settings = Settings(_env_file=None, redis_url=SecretStr(redis.url), config_dir=directory)
    store, clock = Store(redis_client(settings), timedelta(days=1), history=1000), Seconds()
    with closing(store), pytest.MonkeyPatch.context() as patch:
        for name, value in organization.environment("http://127.0.0.1:1", redis.url).items():
            patch.setenv(name, value)
        in_force = InForce(Connector(settings, load_catalog([directory]), store), secrets=True, clock=clock)

        def settled() -> str:
            for _ in range(3):
                clock.now += 1
                in_force.now()
            return key_of(in_force)

        secret.with_name("next").write_text("the-new-key")
        os.utime(secret.with_name("next"), ns=(1, 1))
        secret.with_name("next").rename(secret)
        assert settled() == "the-new-key"

        secret.write_text("")  # somebody is about to write it
        assert settled() == "the-new-key"
        secret.unlink()
        assert settled() == "the-new-key"

        document.write_text(document.read_text().replace("../secrets/key", "../secrets/moved"))
        assert settled() == "the-new-key"
        moved.write_text("the-moved-key")
        assert settled() == "the-moved-key"


def key_of(in_force: InForce[Connector]) -> str:
    auth = in_force.now().catalog.platforms["aws.sandbox"].auth
    assert isinstance(auth, CredentialAuth)
    return auth.secret_key.get_secret_value()


def test_a_broken_version_is_refused_and_the_old_one_goes_on(house: House) -> None:
    house.write("fresh.yaml", ZONE)
    house.zones()
    assert "fresh" in house.zones()

    house.write("fresh.yaml", ZONE.replace("false", "perhaps"))
    house.zones()

    assert "fresh" in house.zones()
    house.write("fresh.yaml", ZONE.replace("fresh", "better"))
    house.zones()
    assert {"better"} < house.zones()


def test_a_directory_that_is_gone_changes_nothing(house: House) -> None:
    before = house.zones()
    house.directory.rename(house.directory.with_name("away"))
    house.zones()

    assert house.zones() == before


def test_a_file_that_a_document_names_counts_too(house: House) -> None:
    before = house.in_force.now().catalog.landing_zones["development"].access_stack
    template = house.directory / "access-stack.yaml"
    template.write_text(template.read_text() + "\n# changed\n")
    house.zones()
    house.zones()

    after = house.in_force.now().catalog.landing_zones["development"].access_stack
    assert before is not None
    assert after is not None
    assert after.template_body != before.template_body


def test_where_a_link_leads_to_counts(house: House) -> None:
    """As orchestrators change mounted documents."""
    for name in ("one", "two"):
        folder = house.directory.with_name(name)
        folder.mkdir()
        (folder / "zone.yaml").write_text(ZONE.replace("fresh", name))
    link = house.directory / "zone.yaml"
    link.symlink_to(house.directory.with_name("one") / "zone.yaml")
    house.zones()
    assert "one" in house.zones()

    link.unlink()
    link.symlink_to(house.directory.with_name("two") / "zone.yaml")
    os.utime(link, (5, 5))
    house.zones()

    assert "two" in house.zones()


def test_documents_of_the_api_count_at_once_in_every_process(open_house: Callable[[], House]) -> None:
    one, other = open_house(), open_house()
    assert "elsewhere" not in one.locations() | other.locations()

    one.store.documents.change({KEY: DOCUMENT}, [])

    assert "elsewhere" in one.locations() & other.locations() & open_house().locations()
    other.store.documents.change({}, [KEY])
    assert "elsewhere" not in one.locations() | other.locations()


def test_one_wrong_document_of_the_api_stops_no_other(house: House) -> None:
    second = {**DOCUMENT, "metadata": {"name": "second"}}
    house.store.documents.change({KEY: DOCUMENT}, [])
    assert "elsewhere" in house.locations()

    house.store.documents.change({KEY: {**DOCUMENT, "apiVersion": "v9"}, "meshLocation second": second}, [])

    assert {"elsewhere", "second"} <= house.locations()


def test_who_comes_while_documents_are_read_waits_for_them(house: House) -> None:
    """What was ordered with a new document must not be done without it."""
    house.store.documents.change({KEY: DOCUMENT}, [])
    start = Barrier(8)

    def look(_: int) -> bool:
        start.wait(10)
        return "elsewhere" in house.locations()

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(look, range(8)))


def test_redis_away_changes_nothing(house: House, redis: CheckedRedis) -> None:
    house.store.documents.change({KEY: DOCUMENT}, [])
    assert "elsewhere" in house.locations()
    redis.client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")

    assert "elsewhere" in house.locations()
