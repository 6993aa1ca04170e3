"""One tenant's replication in a forked process, which works as a worker does: take what is due, run step after step.

Celery is left out: it carries no more than the ids that the pump gives (tests/faults/test_broker.py has the broker's
own faults). A process that a fault kills is followed by another one, which knows nothing but Redis and AWS. Processes
are forked from one that has parsed every service model, because a cell must cost little; many run at once, because
they wait for leases, polls and backoff most of their time.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
import time
import traceback
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, NoReturn

from config.catalog import Catalog
from config.settings import Settings
from tasks.connector import Connector, redis_client
from tasks.due import LONGEST_DELIVERY, Leases
from tasks.model import ENDED, Replication, State, TenantId
from tasks.perform import Performance
from tasks.replicate import replicate
from tasks.store import Dispatch, Store
from tests.faults.matrix.wire import KILLS, Call, Strike, WiredSessions
from tests.waiting import eventually

WORKSPACE = "likvid"
PLATFORM = "aws.sandbox"
DEADLINE = 60.0  # seconds that one process may take; the machine may be busy
LOOK = 0.08  # seconds between two looks into the due index


@dataclass(frozen=True)
class Cell:
    """One replication to run, with the fault that strikes it."""

    project: str
    desired: Mapping[str, Any]
    strike: Strike | None = None

    @property
    def tenant(self) -> TenantId:
        """Name the tenant."""
        return TenantId(WORKSPACE, self.project, PLATFORM)


@dataclass(frozen=True)
class Run:
    """What became of a cell's processes."""

    cell: Cell
    struck: bool
    seconds: float
    calls: tuple[Call, ...]  # of the last process
    problems: tuple[str, ...]  # what Redis shows that should not be; what the process raised


@dataclass(frozen=True)
class Workbench:
    """What every process is forked with."""

    settings: Settings
    catalog: Catalog
    sessions: WiredSessions
    directory: Path  # reports and logs

    def log(self, cell: Cell) -> str:
        """Return the end of what the cell's processes logged."""
        return (self.directory / f"{cell.project}.log").read_text(errors="replace")[-3000:]


@dataclass
class Flight:
    """A cell that is under way."""

    cell: Cell
    began: float
    killed: bool = False

    @property
    def to_be_killed(self) -> bool:
        """Say whether the fault kills the process."""
        return self.cell.strike is not None and self.cell.strike.fault in KILLS


def run_cells(bench: Workbench, cells: Iterable[Cell], width: int) -> Iterator[Run]:
    """Run cells in processes, `width` at once; yields each as it ends."""
    waiting, flying = deque(cells), dict[int, Flight]()
    while waiting or flying:
        while waiting and len(flying) < width:
            _launch(bench, Flight(waiting.popleft(), time.monotonic()), flying)
        pid, status = os.wait()
        flight = flying.pop(pid, None)
        if flight is None:
            continue  # the simulator or Redis: what follows says so
        code = os.waitstatus_to_exitcode(status)
        if code == -signal.SIGKILL and flight.to_be_killed and not flight.killed:
            flight.killed = True
            _launch(bench, flight, flying)
        else:
            yield _report(bench, flight, code)


def _launch(bench: Workbench, flight: Flight, flying: dict[int, Flight]) -> None:
    pid = os.fork()
    if pid == 0:
        _live(bench, flight)
    flying[pid] = flight


def _report(bench: Workbench, flight: Flight, code: int) -> Run:
    seconds = time.monotonic() - flight.began
    path = bench.directory / f"{flight.cell.project}.json"
    if code != 0 or not path.exists():
        return Run(flight.cell, flight.killed, seconds, (), (f"the process ended with exit code {code}",))
    report = json.loads(path.read_text())
    path.unlink()
    calls = tuple(Call(*call) for call in report["calls"])
    return Run(flight.cell, flight.killed or report["struck"], seconds, calls, tuple(report["problems"]))


def _live(bench: Workbench, flight: Flight) -> NoReturn:
    """Be the child process: never returns into the parent's code."""
    code = 1
    gc.disable()  # it lives for seconds, and collecting copies memory that all processes share
    try:
        log = os.open(bench.directory / f"{flight.cell.project}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(log, sys.stdout.fileno())
        os.dup2(log, sys.stderr.fileno())
        report = _work(bench, flight.cell if not flight.killed else replace(flight.cell, strike=None))
        (bench.directory / f"{flight.cell.project}.json").write_text(json.dumps(report))
        code = 0
    except BaseException:  # noqa: BLE001 (whatever it is belongs into the log, and the process ends)
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(code)


def _work(bench: Workbench, cell: Cell) -> dict[str, Any]:
    wire = bench.sessions.wire
    wire.strike = cell.strike
    store = Store(
        redis_client(bench.settings), bench.settings.retention, bench.settings.event_history, f"{cell.project}:"
    )
    connector = Connector(bench.settings, bench.catalog, store, bench.sessions)
    # The same order again is the same replication: a continuing process changes nothing by it.
    accepted = replicate(WORKSPACE, cell.project, PLATFORM, cell.desired, through=connector)
    ended = _drive(connector, accepted.replication)
    return {
        "calls": [(call.service, call.operation, call.occurrence) for call in wire.calls],
        "struck": wire.struck,
        "problems": list(_problems(store, ended)),
    }


def _drive(connector: Connector, replication: str) -> Replication:
    """Work until the replication has ended."""
    store, leases, lease = connector.store, Leases(), connector.settings.lease_seconds

    def look() -> Replication | None:
        taken = store.pump("nobody's queue", 1, lease, LONGEST_DELIVERY, "matrix")
        for dispatch in taken:
            _run_chain(connector, leases, dispatch)
        found = store.replication(replication) if taken else None
        return found if found is not None and found.state in ENDED else None

    ended = eventually(look, DEADLINE, LOOK)
    assert ended is not None
    return ended


def _run_chain(connector: Connector, leases: Leases, dispatch: Dispatch) -> None:
    """Do what Celery's chain does."""
    step, goes_on = dispatch.step, True
    while goes_on:
        tenant = TenantId.parse(dispatch.tenant)
        goes_on = (
            Performance(connector, leases, tenant, dispatch.replication, dispatch.chain, step)
            .run(dispatch.number)
            .goes_on
        )
        step += 1


def _problems(store: Store, ended: Replication) -> Iterator[str]:
    if ended.state is not State.SUCCEEDED:
        yield f"the replication is {ended.state}: {ended.last_error}"
    left = [key for pattern in ("lane:*", "places:*", "due") for key in store.redis.keys(f"{store.prefix}{pattern}")]
    if left:
        yield f"left locked or due: {', '.join(sorted(left))}"


def quick(settings: Settings) -> Settings:
    """Make the product's times short: a cell waits for its polls, leases and grace."""
    brief = timedelta(seconds=0.5)
    return settings.model_copy(
        update={
            "lease_seconds": brief,
            "lookup_grace_seconds": timedelta(seconds=1),
            "poll_seconds": timedelta(seconds=0.2),
            "log_level": "info",
        }
    )
