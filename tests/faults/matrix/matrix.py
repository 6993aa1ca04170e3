"""The matrix: the calls of a fault-free run by the faults, each cell judged by the fault-free run's end state.

First every creation of the matrix runs, then every update, on the accounts that these have made: an account that came
through a fault must be updated as well as any other. AWS's state is read once after each of the two.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from config.catalog import Catalog, load_catalog
from config.settings import Settings
from tests.faults.matrix.cell import Cell, Run, Workbench, quick, run_cells
from tests.faults.matrix.choice import chosen
from tests.faults.matrix.end_state import difference, end_state
from tests.faults.matrix.wire import Call, Strike, Wire, WiredSessions
from workers.sandbox.aws.options import SimulatorOptions
from workers.sandbox.client import SimulatorClient, running_simulator
from workers.sandbox.organization import environment
from workers.sandbox.redis import EmbeddedRedis

CONFIG_DIR = Path(__file__).parents[3] / "examples" / "config"
WIDTH = 12  # processes at once: enough to keep two cores busy while most of them wait
ATTEMPTS = 3  # tries to reach a call: a poll may be spared when the machine is slow
TIMES = 0.12  # seconds that AWS's work takes: a first look comes sooner, the next poll later
OPTIONS = SimulatorOptions(
    creation_seconds=TIMES,
    role_delay_seconds=TIMES,
    assignment_seconds=TIMES,
    stack_seconds=TIMES,
    stack_operation_seconds=0.02,
    creations_in_flight=100,  # each cell has lanes of its own, so AWS's limits must not make cells wait for each other
    assignments_in_flight=100,
)
CREATION: dict[str, Any] = {
    "landingZone": "development",
    "project": {"displayName": "First", "createdBy": {"email": "first@example.com"}},
    "access": [
        {"username": "alice", "euid": "alice@example.com", "roles": ["admin"]},
        {"username": "bob", "euid": "bob@example.com", "roles": ["user"]},
    ],
}
UPDATE: dict[str, Any] = {
    "landingZone": "development",
    "project": {"displayName": "Second", "createdBy": {"email": "second@example.com"}},
    "access": [
        {"username": "carol", "euid": "carol@example.com", "roles": ["admin"]},
        {"username": "bob", "euid": "bob@example.com", "roles": ["reader"]},
    ],
}


@dataclass(frozen=True)
class Verdict:
    """One cell of the matrix."""

    kind: str  # creation | update
    strike: Strike
    seconds: float
    problems: tuple[str, ...]  # none: the end state is right
    log: str = ""


@dataclass
class Matrix:
    """One run of the matrix."""

    bench: Workbench
    simulator: SimulatorClient
    reduced: bool
    only: str = ""  # part of a call's name: the others are left out
    calls: dict[str, tuple[Call, ...]] = field(default_factory=dict)  # by kind
    right: dict[str, str] = field(default_factory=dict)  # kind -> the fault-free run's end state
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def run(self) -> Iterator[Verdict]:
        """Record, then run every cell; yields verdicts as they are known."""
        free = self._new()
        for kind, desired in (("creation", CREATION), ("update", UPDATE)):
            self._record(kind, replace(free, desired=desired))
        created: list[Cell] = []
        for verdict, cell in self._judged("creation"):
            created += [] if verdict.problems else [cell]
            yield verdict
        yield from (verdict for verdict, _ in self._judged("update", created))

    def _record(self, kind: str, cell: Cell) -> None:
        [run] = run_cells(self.bench, [cell], 1)
        if run.problems:
            raise AssertionError(f"the fault-free {kind} is wrong: {run.problems}\n{self.bench.log(cell)}")
        self.calls[kind] = run.calls
        self.right[kind] = end_state(self.simulator.state(), cell.project)

    def _judged(self, kind: str, created: list[Cell] | None = None) -> Iterator[tuple[Verdict, Cell]]:
        """Run cells and judge them, those that did not reach their call again with another tenant."""
        calls = [call for call in self.calls[kind] if self.only in str(call)]
        left = list(chosen(calls, reduced=self.reduced))
        for attempt in range(1, ATTEMPTS + 1):
            runs = list(run_cells(self.bench, self._tenants(left, created), WIDTH))
            state = self.simulator.state()
            left = []
            for run in runs:
                assert run.cell.strike is not None
                if not run.struck and not run.problems and attempt < ATTEMPTS:
                    left.append(run.cell.strike)
                else:
                    yield self._verdict(kind, run.cell.strike, run, state), run.cell
            if not left:
                return

    def _tenants(self, strikes: list[Strike], created: list[Cell] | None) -> list[Cell]:
        """Give each cell a tenant: a new one, or one that has been created already."""
        if created is None:
            return [replace(self._new(), strike=strike) for strike in strikes]
        missing = [self._new() for _ in range(len(strikes) - len(created))]
        created += [run.cell for run in run_cells(self.bench, missing, WIDTH) if not run.problems]
        return [replace(created.pop(), desired=UPDATE, strike=strike) for strike in strikes]

    def _verdict(self, kind: str, strike: Strike, run: Run, state: Mapping[str, Any]) -> Verdict:
        problems = list(run.problems)
        if not run.struck:
            problems.append(f"the call was not made in {ATTEMPTS} runs")
        actual = end_state(state, run.cell.project)
        if actual != self.right[kind]:
            problems.append(difference(self.right[kind], actual))
        return Verdict(kind, strike, run.seconds, tuple(problems), self.bench.log(run.cell) if problems else "")

    def _new(self) -> Cell:
        return Cell(f"cell{next(self._numbers):04d}", CREATION)


@contextmanager
def prepared(directory: Path, *, reduced: bool, only: str = "") -> Iterator[Matrix]:
    """Start Redis and the simulator, and make the workbench; this process must have no threads, for it forks."""
    with EmbeddedRedis("no") as redis, running_simulator(OPTIONS.model_dump()) as simulator:
        os.environ.update(environment(simulator.url, redis.url))  # the documents' secrets and the SDK's endpoint
        settings = quick(Settings(redis_url=SecretStr(redis.url), config_dir=CONFIG_DIR))
        catalog = load_catalog([settings.config_dir])
        bench = Workbench(settings, catalog, _warm(catalog), directory)
        gc.freeze()  # as in cell.py: what all processes share stays shared
        yield Matrix(bench, simulator, reduced, only)


def _warm(catalog: Catalog) -> WiredSessions:
    """Parse the service models and make clients; nothing is sent."""
    sessions = WiredSessions(Wire())
    for platform in catalog.platforms.values():
        for service in ("organizations", "identitystore", "sso-admin"):
            sessions.management(platform, service)
        sessions.automation(platform, "cloudformation", platform.region)
        for service in ("sts", "iam", "cloudformation"):
            sessions.member(platform, "000000000000", service, platform.region)
        sessions.make_ahead(platform.region, 8)
    return sessions
