"""One simulated AWS, one Redis and both databases for the tests of costs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import update

from config.catalog import Catalog, load_catalog
from config.prices import Prices
from config.settings import Settings
from tasks.aws.clients import Clients
from tasks.aws.session import Sessions
from tasks.connector import redis_client
from tasks.metering import reading, rounds
from tasks.metering.database import Database, open_database
from tasks.metering.documents import UsageReport
from tasks.metering.ledger import Collection, Ledger, State
from tasks.metering.months import Month
from tasks.metering.tables import collections
from tasks.state.store import Store
from tasks.worker import Worker
from tests.support.cluster import CONFIG_DIR
from tests.support.postgresql import running_postgresql
from tests.support.redis import CheckedRedis
from tests.support.simulator import running_simulator
from workers.sandbox import organization
from workers.sandbox.aws.options import SimulatorOptions
from workers.sandbox.client import SimulatorClient

PLATFORM = "aws.sandbox"
TODAY = datetime.now(UTC).date()
OPEN = Month.of(TODAY)
CLOSED = OPEN.before.before  # whatever day of the month it is, AWS has closed this one
PAGE = 180  # groups
AFTER_A_PAUSE = timedelta(minutes=5)  # longer than a dead worker holds a collection


@pytest.fixture(scope="session")
def simulator() -> Iterator[SimulatorClient]:
    options = SimulatorOptions(enforce_policies=True, lag_seconds=0, cost_page_rows=PAGE)
    with running_simulator(options.model_dump(mode="json")) as client:
        yield client


@pytest.fixture(scope="session")
def redis() -> Iterator[CheckedRedis]:
    with CheckedRedis() as server:
        yield server


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Callable[[], str]]:
    """Hand out the URL of a new database."""
    with running_postgresql() as make:
        yield make


@dataclass
class House:
    """A worker that reads the simulator's costs into a database of its own."""

    simulator: SimulatorClient
    worker: Worker
    redis: CheckedRedis
    ahead: timedelta = timedelta()

    @property
    def database(self) -> Database:
        return open_database(self.worker.settings)

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.database, self.worker.settings.lease)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def priced(self, prices: Prices) -> None:
        self.worker = replace(self.worker, catalog=replace(self.worker.catalog, prices=prices))

    def change(self, **metering: Any) -> None:
        """Change the platform's metering, field by field."""
        platform = self.worker.catalog.platforms[PLATFORM]
        assert platform.metering is not None
        changed = platform.model_copy(update={"metering": platform.metering.model_copy(update=metering)})
        self.worker = replace(self.worker, catalog=replace(self.worker.catalog, platforms={PLATFORM: changed}))

    def set(self, **settings: Any) -> None:
        self.worker = replace(self.worker, settings=self.worker.settings.model_copy(update=settings))

    def begin(self, month: Month = CLOSED, *, whole: bool = True) -> Collection:
        """Ask for a month, so that nothing else is due."""
        for other in (OPEN, OPEN.before):
            if other != month:
                self._skip(other)
        return self.ledger.begin(PLATFORM, month, self.now(), whole=whole, asked_by="test")

    def collect(self, month: Month = CLOSED, *, whole: bool = True) -> Collection:
        """Collect a month to its end."""
        begun = self.begin(month, whole=whole)
        rounds.collect(self.worker, self.now)
        done = self.ledger.find(begun.id)
        assert done is not None
        assert done.state is State.DONE, done
        return done

    def reports(self, month: Month = CLOSED, **wanted: Any) -> list[UsageReport]:
        return list(reading.stream(self.database, reading.Wanted(month, **wanted)))

    def own(self, tenant: str, account: str, created: date = date(2020, 1, 1), **desired: Any) -> None:
        """Let a tenant have an account."""
        keys, client = self.worker.store.keys, self.redis.client
        stamp = self.now().isoformat()
        project = desired.pop("project", {})
        deleted = desired.pop("deleted", None)
        document = {"landingZone": "development", "project": project, **desired}
        row = {"state": "SUCCEEDED", "last": "r", "updated_at": stamp, "created_at": f"{created}T00:00:00+00:00"}
        row |= {"desired": json.dumps(document), "handles": json.dumps({"account_id": account})}
        row |= {"deleted_at": deleted} if deleted else {}
        client.delete(keys.tenant(tenant))
        client.hset(keys.tenant(tenant), mapping=row)
        client.zadd(keys.tenants, {tenant: 0})

    def pages(self) -> int:
        return int(self.simulator.state()["cost_explorer"]["pages"])

    def _skip(self, month: Month) -> None:
        """Let a month look as if it had just failed: it is not due."""
        begun = self.ledger.begin(PLATFORM, month, self.now(), whole=False, asked_by=None)
        with self.database.writing() as connection:
            query = update(collections).where(collections.c.id == begun.id, collections.c.state == State.RUNNING)
            connection.execute(query.values(state=State.FAILED))


def total(reports: list[UsageReport], *kinds: str) -> dict[tuple[str, str], Decimal]:
    """Add the lines up by account and AWS's currency."""
    found: dict[tuple[str, str], Decimal] = {}
    for report in reports:
        for item in report.line_items:
            if not kinds or item.kind in kinds:
                key = report.account_id, item.net_amount.base_currency
                found[key] = found.get(key, Decimal(0)) + Decimal(item.net_amount.base_amount)
    return found


@pytest.fixture(scope="session")
def environment(simulator: SimulatorClient, redis: CheckedRedis) -> dict[str, str]:
    return {**organization.environment(simulator.url, redis.url), "CONNECTOR_CONFIG_DIR": str(CONFIG_DIR)}


@pytest.fixture(scope="session")
def catalog(environment: dict[str, str]) -> Catalog:
    """Read the example documents, without prices; daily costs are kept for long."""
    found = replace(load_catalog([CONFIG_DIR], environment), prices=Prices())
    platform = found.platforms[PLATFORM]
    assert platform.metering is not None
    kept = {"compact_timelines_after_days": 1000, "delete_raw_data_after_days": 1000}
    platforms = {PLATFORM: platform.model_copy(update={"metering": platform.metering.model_copy(update=kept)})}
    return replace(found, platforms=platforms)


@pytest.fixture(scope="session")
def clients(environment: dict[str, str]) -> Clients:
    """Share the SDK's clients: each takes a tenth of a second to make."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        return Clients()


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make an empty database, of which each test gets a copy: the migrations take longer than most tests."""
    folder = tmp_path_factory.mktemp("prepared")
    database = open_database(Settings(_env_file=None, config_dir=CONFIG_DIR, data_dir=folder))
    with database.reading():
        pass
    database.close()
    [file] = folder.iterdir()
    return file


@pytest.fixture
def make_house(
    simulator: SimulatorClient,
    redis: CheckedRedis,
    environment: dict[str, str],
    catalog: Catalog,
    clients: Clients,
    prepared: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Callable[..., House]]:
    """Make a worker with a database of its own."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    redis.client.flushall()
    made: list[House] = []

    def make(url: str | None = None) -> House:
        data_dir = tmp_path / f"data-{len(made)}"
        settings = Settings(_env_file=None, redis_url=SecretStr(redis.url), config_dir=CONFIG_DIR, data_dir=data_dir)
        if url is None:
            data_dir.mkdir()
            shutil.copy(prepared, data_dir)
        settings = settings.model_copy(update={"metering_database_url": SecretStr(url) if url else None})
        store = Store(redis_client(settings), timedelta(days=1), history=100)
        made.append(House(simulator, Worker(settings, catalog, store, Sessions(clients=clients)), redis))
        return made[-1]

    simulator.operator("set_costs", forget=True, **CALM)
    yield make
    for house in made:
        house.database.close()
    simulator.clear_faults()
    simulator.set_options(cost_page_rows=PAGE, cost_token_seconds=3600)


CALM = {
    "accounts": 9,
    "lines": 3,
    "services": 8,
    "second_currency": "EUR",
    "reserved_instances": [],
    "savings_plans": [],
    "available": True,
}


@pytest.fixture
def house(make_house: Callable[..., House]) -> House:
    return make_house()
