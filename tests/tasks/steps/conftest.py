"""One simulated AWS for all tests of steps; each test works in a workspace of its own."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest

from tasks.aws.session import Sessions
from tests.support.simulator import running_simulator
from tests.tasks.steps.world import World
from workers.sandbox import organization
from workers.sandbox.aws.options import SimulatorOptions
from workers.sandbox.client import SimulatorClient

FAST = SimulatorOptions(
    creation_seconds=0.05,
    role_delay_seconds=0,
    closing_seconds=0.05,
    assignment_seconds=0.05,
    stack_seconds=0.05,
    stack_operation_seconds=0.05,
    lag_seconds=0,  # test_late_visibility.py runs every step under lag
    enforce_policies=True,  # so every test also shows that the published policies allow what the steps call
    optional_statements=False,
)


@pytest.fixture(scope="module")
def simulator_process() -> Iterator[SimulatorClient]:
    """Run the simulated AWS in a process of its own, once."""
    with running_simulator(FAST.model_dump(mode="json")) as client:
        yield client


@pytest.fixture(scope="module")
def sessions() -> Sessions:
    """Keep credentials and clients over all tests: making them takes longer than a step."""
    return Sessions()


@pytest.fixture
def simulator(simulator_process: SimulatorClient, monkeypatch: pytest.MonkeyPatch) -> Iterator[SimulatorClient]:
    """Hand out the simulator without faults and with the fast options; the AWS SDK talks to it."""
    for name, value in organization.environment(simulator_process.url, "redis://127.0.0.1:1/0").items():
        monkeypatch.setenv(name, value)
    yield simulator_process
    simulator_process.clear_faults()
    simulator_process.show_everything()
    simulator_process.allow_all()
    simulator_process.set_options(**FAST.model_dump(mode="json"))


@pytest.fixture
def world(simulator: SimulatorClient, sessions: Sessions) -> World:
    """Build this test's view of AWS."""
    return World(simulator, sessions, workspace=f"w{uuid4().hex[:10]}")
