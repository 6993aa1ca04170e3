"""Whatever happens, nobody is where no order gives it: hypothesis plays, a model of five lines judges.

`EXAMPLES=200 make properties` plays that many runs, each another one. A failure prints the calls that lead to it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.properties.house import House
from tests.properties.machine import Bench, Tenants
from tests.support.redis import CheckedRedis
from tests.support.simulator import running_simulator
from workers.sandbox.aws.options import SimulatorOptions
from workers.sandbox.organization import environment

TIMES = 0.1  # seconds that AWS's work takes
OPTIONS = SimulatorOptions(
    creation_seconds=TIMES,
    role_delay_seconds=TIMES,
    assignment_seconds=TIMES,
    closing_seconds=TIMES,
    lag_seconds=0,
)
EXAMPLES = int(os.environ.get("EXAMPLES", "0"))  # 0: a few, always the same


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    with CheckedRedis() as redis, running_simulator(OPTIONS.model_dump(mode="json")) as simulator:
        for name, value in environment(simulator.url, redis.url).items():
            monkeypatch.setenv(name, value)
        yield Bench(simulator, House.built(redis.url))


@pytest.mark.timeout(7200 if EXAMPLES else 1200)
@pytest.mark.parametrize("few", [2, pytest.param(5, marks=pytest.mark.thorough)])
def test_who_may_be_where(bench: Bench, few: int) -> None:
    class Played(Tenants):
        pass

    Played.bench = bench
    run_state_machine_as_test(
        Played,
        settings=settings(
            max_examples=EXAMPLES or few,
            stateful_step_count=20,
            deadline=None,
            derandomize=not EXAMPLES,
            database=None,
            phases=(Phase.generate,),  # AWS's time is real: to shrink a run takes long and finds another one
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )
