"""What the proof needs: a simulated AWS, Redis, both databases."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tasks.metering.database import Database
from tests.proof.costs import LEASE, Collector, Proof, prove
from tests.proof.organization import Size, make_up
from tests.support.cluster import CONFIG_DIR
from tests.support.postgresql import running_postgresql
from tests.support.redis import CheckedRedis
from tests.support.simulator import running_simulator
from workers.sandbox import organization
from workers.sandbox.aws.options import SimulatorOptions
from workers.sandbox.client import SimulatorClient

PROCESSING = re.compile(r"(compactTimelinesAfterDays|deleteRawDataAfterDays): \d+")


def run(size: Size, directory: Path) -> Proof:
    """Make the organization up, and prove that its costs add up; raises AssertionError."""
    options = SimulatorOptions(enforce_policies=True, lag_seconds=0, cost_page_rows=size.page_rows)
    with (
        running_simulator(options.model_dump(mode="json")) as simulator,
        CheckedRedis(fsync="no") as redis,
        running_postgresql() as new_database,
    ):
        make_up(simulator, size)
        environment = {
            **organization.environment(simulator.url, redis.url),
            "CONNECTOR_CONFIG_DIR": str(_documents(directory / "config")),
            "CONNECTOR_METERING_DOLLARS_PER_DAY": "10000",
            "CONNECTOR_LEASE_SECONDS": str(LEASE.total_seconds()),
        }
        urls = [f"sqlite:///{directory / name}.sqlite" for name in ("calm", "killed")]
        with _collectors(simulator, environment, [*urls, new_database()], directory) as (calm, killed, server):
            return prove(size, calm, killed, server)


@contextmanager
def _collectors(
    simulator: SimulatorClient, environment: dict[str, str], urls: list[str], directory: Path
) -> Iterator[list[Collector]]:
    databases = [Database(url) for url in urls]
    try:
        yield [
            Collector(simulator, {**environment, "CONNECTOR_METERING_DATABASE_URL": url}, database, directory / "log")
            for url, database in zip(urls, databases, strict=True)
        ]
    finally:
        for database in databases:
            database.close()


def _documents(directory: Path) -> Path:
    """Copy the examples; daily costs are kept, so that their pages can be counted afterwards."""
    shutil.copytree(CONFIG_DIR, directory)
    platform = directory / "platform.yaml"
    text, number = PROCESSING.subn(r"\1: 1000", platform.read_text())
    assert number == 2
    platform.write_text(text)
    return directory
