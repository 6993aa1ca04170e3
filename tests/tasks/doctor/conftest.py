"""One simulated AWS and one Redis for all examinations; the tenants' connector is made of the example documents."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from config.catalog import load_catalog
from config.settings import Settings
from tasks.connector import redis_client
from tasks.doctor.examination import CHECKS, examine
from tasks.doctor.finding import Finding, Level
from tasks.doctor.patient import Patient
from tasks.state.store import Store
from tasks.worker import Worker
from tests.support.cluster import CONFIG_DIR, PLATFORM
from tests.support.redis import CheckedRedis
from tests.support.simulator import running_simulator
from workers.sandbox import organization
from workers.sandbox.aws.options import SimulatorOptions
from workers.sandbox.client import SimulatorClient

STRICT = SimulatorOptions(enforce_policies=True, lag_seconds=0)


@pytest.fixture(scope="session")
def simulator() -> Iterator[SimulatorClient]:
    with running_simulator(STRICT.model_dump(mode="json")) as client:
        yield client


@pytest.fixture(scope="module")
def worker(simulator: SimulatorClient) -> Iterator[Worker]:
    """Make a worker whose AWS is the simulator."""
    with CheckedRedis() as redis, pytest.MonkeyPatch.context() as patch:
        environment = organization.environment(simulator.url, redis.url)
        for name, value in {**environment, "CONNECTOR_CONFIG_DIR": str(CONFIG_DIR)}.items():
            patch.setenv(name, value)
        settings = Settings(_env_file=None, redis_url=SecretStr(redis.url), config_dir=CONFIG_DIR)
        store = Store(redis_client(settings), timedelta(days=1), history=100)
        yield Worker(settings, load_catalog([CONFIG_DIR], environment), store)


@pytest.fixture
def patient(worker: Worker, simulator: SimulatorClient) -> Iterator[Patient]:
    """Hand out the examples' platform with its landing zones."""
    zones = tuple(zone for zone in worker.catalog.landing_zones.values() if zone.platform in (None, PLATFORM))
    yield Patient(worker, worker.catalog.platforms[PLATFORM], zones, None, worker.sessions.apart())
    simulator.clear_faults()
    simulator.allow_all()


def examined(patient: Patient, *names: str) -> dict[str, list[Finding]]:
    """Examine a patient, by some checks or all of them; answers the findings by the check's name."""
    found: dict[str, list[Finding]] = {}
    for finding in examine(patient, [check for check in CHECKS if not names or check.name in names]):
        found.setdefault(finding.check, []).append(finding)
    return found


def levels(findings: list[Finding]) -> list[Level]:
    return [finding.level for finding in findings]


def with_zone(patient: Patient, **fields: Any) -> Patient:
    """Return the patient with one landing zone only, changed field by field."""
    return replace(patient, zones=(patient.zones[0].model_copy(update=fields),))
