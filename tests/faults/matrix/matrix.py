"""The matrix: the calls of fault-free runs by the faults, each cell judged by the fault-free run's end state.

Of a scenario first every creation runs, then every update, on the accounts that these have made, and so on: an account
that came through a fault must be updated as well as any other. AWS's state is read once after each of them.
"""

from __future__ import annotations

import gc
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from config.catalog import Catalog, load_catalog
from config.settings import Settings
from tasks.chain import CHAINS
from tasks.steps import function_of
from tests.faults.matrix.cell import Cell, Workbench, quick
from tests.faults.matrix.choice import chosen, together
from tests.faults.matrix.end_state import difference, end_state
from tests.faults.matrix.fault import Call, Fault, Strike
from tests.faults.matrix.flight import Run, run_cells
from tests.faults.matrix.scenario import CELL, PLATFORM, Order, Scenario
from tests.faults.matrix.wire import Wire, WiredSessions
from tests.support.redis import CheckedRedis
from workers.examples import EXAMPLES
from workers.sandbox.aws.options import SimulatorOptions
from workers.sandbox.client import SimulatorClient, running_simulator
from workers.sandbox.organization import environment

CONFIG_DIR = EXAMPLES / "config"
WIDTH = 12  # processes at once: enough to keep two cores busy while most of them wait
ATTEMPTS = 4  # tries to reach a call: a poll may be spared when the machine is slow, so the last ones run alone
TIMES = 0.12  # seconds that AWS's work takes: a first look comes sooner, the next poll later
OPTIONS = SimulatorOptions(
    creation_seconds=TIMES,
    role_delay_seconds=TIMES,
    assignment_seconds=TIMES,
    stack_seconds=TIMES,
    stack_operation_seconds=0.02,
    enrollment_seconds=TIMES,
    memory_seconds=2,
    lag_seconds=0,  # by chance more looks would be needed than were recorded; faults of their own hide what was written
    closing_seconds=TIMES,
    creations_in_flight=100,  # each cell has lanes of its own, so AWS's limits must not make cells wait for each other
    assignments_in_flight=100,
    closures_in_flight=100,
    closures_quota=100_000,
    control_tower_operations=100,
)


@dataclass(frozen=True)
class Verdict:
    """One cell of the matrix."""

    scenario: str
    kind: str  # of the order
    strikes: tuple[Strike, ...]
    seconds: float
    problems: tuple[str, ...]  # none: the end state is right
    log: str = ""
    spared: tuple[Strike, ...] = ()  # on repeated reads that were not needed: AWS was ready at the look before

    def __str__(self) -> str:
        return f"{self.scenario}, {self.kind}: {' and '.join(map(str, self.strikes + self.spared))}"


@dataclass
class Matrix:
    """One run of the matrix."""

    bench: Workbench
    simulator: SimulatorClient
    restarted: Callable[[], SimulatorClient]
    reduced: bool
    only: str = ""  # part of a call's name: the others are left out
    fault: Fault | None = None  # None: every one
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))
    _met: set[Call] = field(default_factory=set)  # calls that the reduced matrix has struck

    def run(self, scenarios: Sequence[Scenario]) -> Iterator[Play]:
        """Record each scenario; its cells are run as its verdicts are asked for."""
        for scenario in scenarios:
            if not self.reduced:  # hundreds of accounts of the scenarios before would be listed for each creation
                self.simulator = self.restarted()
            options = OPTIONS.model_copy(update=dict(scenario.simulator))
            self.simulator.set_options(**options.model_dump(mode="json", exclude={"optional_statements"}))
            for action in scenario.by_hand:
                self.simulator.operator(**action)
            play = Play(self, scenario)
            play.record()
            yield play

    def run_cells(self, cells: Sequence[Cell], width: int = WIDTH) -> list[Run]:
        """Run cells, many at once."""
        return list(run_cells(self.bench, cells, width))

    def new(self, scenario: Scenario) -> str:
        """Name a workspace that nothing is in but the account that its tenant takes over."""
        workspace = f"cell{next(self._numbers):04d}"
        if (account := scenario.account(workspace)) is not None:
            made = {"name": f"{workspace}.older", "email": f"{workspace}@older.example.com", "roles": scenario.existing}
            self.simulator.operator("create_account", id=account, **made)
        return workspace

    def strikes(self, calls: Sequence[Call]) -> list[tuple[Strike, ...]]:
        """Return the faults to strike calls with, in as many replications."""
        wanted = [call for call in calls if self.only in str(call)]
        if not self.reduced:
            every = chosen(wanted, reduced=False)
            return [(strike,) for strike in every if self.fault in (None, strike.fault)]
        new = [call for call in wanted if call not in self._met]
        self._met.update(new)
        few = [strike for strike in chosen(new, reduced=True) if self.fault in (None, strike.fault)]
        return list(together(few))


@dataclass
class Play:
    """One scenario as it is played."""

    matrix: Matrix
    scenario: Scenario
    calls: dict[str, tuple[Call, ...]] = field(default_factory=dict)  # by kind of order
    right: dict[str, str] = field(default_factory=dict)  # kind -> the fault-free run's end state
    _ready: dict[int, list[str]] = field(default_factory=dict)  # number of orders done -> workspaces

    def record(self) -> None:
        """Run every order without a fault."""
        workspace = self.matrix.new(self.scenario)
        for order in self.scenario.orders:
            cell = self._cell(workspace, order)
            [run] = self.matrix.run_cells([cell])
            if run.problems:
                log = self.matrix.bench.log(cell)
                raise AssertionError(f"{self.scenario.name}, {order.kind} without a fault: {run.problems}\n{log}")
            self.calls[order.kind] = run.calls
            self.right[order.kind] = end_state(self.matrix.simulator.state(), workspace)

    def verdicts(self) -> Iterator[Verdict]:
        """Run every cell; yields verdicts as they are known."""
        for index, order in enumerate(self.scenario.orders):
            yield from self._judged(index, self.matrix.strikes(self.calls[order.kind]))

    def _judged(self, index: int, left: list[tuple[Strike, ...]]) -> Iterator[Verdict]:
        """Run cells and judge them; strikes that did not reach their call are tried again with another tenant."""
        for attempt in range(1, ATTEMPTS + 1):
            if not left:
                return
            runs = self.matrix.run_cells(self._cells(index, left), WIDTH if attempt <= ATTEMPTS // 2 else 1)
            state = self.matrix.simulator.state()
            left = []
            for run in runs:
                missed = [each for each in run.cell.strikes if each not in run.struck and self._insists_on(each.call)]
                if missed and not run.problems and attempt < ATTEMPTS:
                    left += [(strike,) for strike in missed]
                    yield from self._verdict(index, run, state, run.struck) if run.struck else ()
                else:
                    yield from self._verdict(index, run, state, run.cell.strikes)

    def _insists_on(self, call: Call) -> bool:
        """Say whether a call that did not come is to be reached with another tenant; a repeated look may be spared."""
        return not (self.matrix.reduced and call.is_repeated_read)

    def _cells(self, index: int, strikes: list[tuple[Strike, ...]]) -> list[Cell]:
        """Give each group of strikes a tenant for which the orders before have been done."""
        orders = self.scenario.orders
        newer = next(iter(orders[index + 1 :]), None)
        # A deletion would leave what it finds, which is not always the same; and who is frozen knows the platform as it
        # was, as a worker does that was not restarted.
        if newer is not None and (newer.desired is None or newer.platform != orders[index].platform):
            newer = None
        if newer is not None and newer.at_account:  # nobody acts while a process is frozen
            newer = None
        tenants = self._tenants(index, len(strikes))
        return [self._cell(tenant, orders[index], each, newer) for tenant, each in zip(tenants, strikes, strict=True)]

    def _cell(self, tenant: str, order: Order, strikes: tuple[Strike, ...] = (), newer: Order | None = None) -> Cell:
        """Make a cell, after what is done by hand in its tenant's account before the order."""
        for action in order.at_account:
            of_tenant = json.loads(json.dumps(action).replace(CELL, tenant))
            self.matrix.simulator.operator(account=self.scenario.account(tenant), **of_tenant)
        return Cell(tenant, self.scenario, order, strikes, newer)

    def _tenants(self, done: int, number: int) -> list[str]:
        """Return tenants for which that many orders are done, those that came through faults first."""
        if done == 0:
            return [self.matrix.new(self.scenario) for _ in range(number)]
        ready = self._ready.setdefault(done, [])
        if (missing := number - len(ready)) > 0:
            order = self.scenario.orders[done - 1]
            runs = self.matrix.run_cells([self._cell(each, order) for each in self._tenants(done - 1, missing)])
            ready += [run.cell.workspace for run in runs if not run.problems]
        return [ready.pop() for _ in range(number)]

    def _verdict(
        self, index: int, run: Run, state: Mapping[str, Any], strikes: tuple[Strike, ...]
    ) -> Iterator[Verdict]:
        """Judge a cell, and keep its tenant for the next order when it is right."""
        cell, problems = run.cell, list(run.problems)
        missed = [each for each in strikes if each not in run.struck]
        spared = tuple(each for each in missed if each.call.is_repeated_read)
        problems += [f"{each} did not come in {ATTEMPTS} runs" for each in missed if each not in spared]
        was_frozen = any(strike.fault is Fault.FROZEN for strike in run.struck)
        newest = cell.newer.kind if was_frozen and cell.newer else cell.order.kind
        actual = end_state(state, cell.workspace)
        if actual != self.right[newest]:
            problems.append(difference(self.right[newest], actual))
        if not problems and not was_frozen:
            self._ready.setdefault(index + 1, []).append(cell.workspace)
        log = self.matrix.bench.log(cell) if problems else ""
        happened = tuple(each for each in strikes if each not in spared)
        yield Verdict(self.scenario.name, cell.order.kind, happened, run.seconds, tuple(problems), log, spared)


@contextmanager
def prepared(directory: Path, *, reduced: bool, only: str = "", fault: Fault | None = None) -> Iterator[Matrix]:
    """Start Redis and the simulator, and make the workbench; this process must have no threads, for it forks."""
    with CheckedRedis("no") as redis, ExitStack() as running:
        simulator = running.enter_context(running_simulator(OPTIONS.model_dump()))

        def restarted() -> SimulatorClient:
            running.close()
            return running.enter_context(running_simulator(OPTIONS.model_dump(), port))

        port = urlsplit(simulator.url).port or 0  # the same again: clients are made ahead
        os.environ.update(environment(simulator.url, redis.url))  # the documents' secrets and the SDK's endpoint
        settings = quick(Settings(redis_url=SecretStr(redis.url), config_dir=CONFIG_DIR))
        examples = load_catalog([settings.config_dir])
        bench = Workbench(settings, examples, _warm(examples), directory)
        gc.freeze()  # as in cell.py: what all processes share stays shared
        yield Matrix(bench, simulator, restarted, reduced, only, fault)


def _warm(catalog: Catalog) -> WiredSessions:
    """Import the steps, parse the service models and make clients; nothing is sent."""
    for chain in CHAINS.values():
        for step in chain.steps:
            function_of(step)
    sessions, platform = WiredSessions(Wire()), catalog.platforms[PLATFORM]
    for service in ("organizations", "identitystore", "sso-admin", "servicecatalog", "controltower"):
        sessions.management(platform, service)
    for service in ("cloudformation", "lambda"):
        sessions.automation(platform, service, platform.region)
    for service in ("sts", "iam", "cloudformation"):
        sessions.member(platform, "000000000000", service, platform.region)
    return sessions
