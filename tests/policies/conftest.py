"""A simulated AWS that allows no more than the published policies do, and everything a replication asked of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from config.catalog import Catalog, load_catalog
from tasks.aws.actions import Principal
from tasks.aws.session import Sessions
from tests.policies.replications import Replications, every_kind, published
from tests.support.cluster import CONFIG_DIR
from tests.support.simulator import running_simulator
from tests.tasks.steps.world import World
from workers.sandbox import organization
from workers.sandbox.aws.options import SimulatorOptions
from workers.sandbox.client import RecordedCall, SimulatorClient

LEAST_PRIVILEGE = SimulatorOptions(
    creation_seconds=0.05,
    role_delay_seconds=0,
    assignment_seconds=0.05,
    stack_seconds=0.05,
    stack_operation_seconds=0.05,
    lag_seconds=0,
    enforce_policies=True,
)


@pytest.fixture(scope="session")
def simulator() -> Iterator[SimulatorClient]:
    """Run one simulator; the AWS SDK of this process talks to it while a test of this folder runs."""
    with running_simulator(LEAST_PRIVILEGE.model_dump(mode="json")) as client:
        yield client


@pytest.fixture(scope="session")
def catalog(simulator: SimulatorClient) -> Catalog:
    """Read the example documents."""
    return load_catalog([CONFIG_DIR], organization.environment(simulator.url, ""))


@pytest.fixture(scope="module")
def replications(simulator: SimulatorClient, catalog: Catalog) -> Iterator[Replications]:
    """Hand out whole replications of the examples' platform."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in organization.environment(simulator.url, "redis://127.0.0.1:1/0").items():
            patch.setenv(name, value)
        found = Replications(
            World(simulator, Sessions(), workspace="least", visibility_grace=timedelta(seconds=2)), catalog
        )
        found.allow_management(published(found.platform)[Principal.MANAGEMENT_ROLE].policy)
        yield found


@pytest.fixture(scope="module")
def recorded(replications: Replications) -> list[RecordedCall]:
    """Replicate tenants in every way that the connector knows, and return all calls."""
    mark = replications.world.simulator.mark()
    every_kind(replications)
    return replications.world.simulator.calls(mark)
