"""Cells in processes, many at once, because they wait for leases, polls and backoff most of their time.

Processes are forked from one that has parsed every service model, because a cell must cost little. Who is killed is
followed by another process. Who is frozen is let go on when another one has done everything, newer orders included:
what is sent then comes as late as a call can.
"""

from __future__ import annotations

import os
import signal
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from tests.faults.matrix.cell import Cell, Report, Workbench, without
from tests.faults.matrix.fault import KILLS, Call, Strike


@dataclass(frozen=True)
class Run:
    """What became of a cell's processes."""

    cell: Cell
    struck: tuple[Strike, ...]
    seconds: float
    calls: tuple[Call, ...]  # of the last process
    problems: tuple[str, ...]


@dataclass
class Flight:
    """A cell that is under way."""

    cell: Cell
    began: float
    kills: int = 0
    frozen: int | None = None  # the process that stands still
    problems: list[str] = field(default_factory=list)


def run_cells(bench: Workbench, cells: Iterable[Cell], width: int) -> Iterator[Run]:
    """Run cells in processes, `width` at once; yields each as it ends."""
    waiting, flying = deque(cells), dict[int, Flight]()
    try:
        while waiting or flying:
            while waiting and len(flying) < width:
                bench.forget(waiting[0])
                _launch(bench, Flight(waiting[0], time.monotonic()), flying, waiting.popleft())
            pid, status = os.waitpid(-1, os.WUNTRACED)
            if pid in flying:  # else the simulator or Redis: what follows says so
                yield from _changed(bench, flying, pid, status)
    finally:
        for pid in flying:
            os.kill(pid, signal.SIGKILL)


def _launch(bench: Workbench, flight: Flight, flying: dict[int, Flight], cell: Cell) -> None:
    pid = os.fork()
    if pid == 0:
        bench.live(cell)
    flying[pid] = flight


def _changed(bench: Workbench, flying: dict[int, Flight], pid: int, status: int) -> Iterator[Run]:
    """A process has stopped or ended: let another one follow, let the frozen one go on, or tell how it was."""
    flight = flying[pid]
    cell = flight.cell
    if os.WIFSTOPPED(status):
        flight.frozen = pid
        _launch(bench, flight, flying, replace(cell, order=cell.newer or cell.order, strikes=()))
        return
    del flying[pid]
    code, struck = os.waitstatus_to_exitcode(status), bench.struck(cell)
    kills = sum(strike.fault in KILLS for strike in struck)
    if code == -signal.SIGKILL and kills > flight.kills:
        flight.kills = kills
        _launch(bench, flight, flying, without(cell, struck))
        return
    report = bench.report(cell, code)
    flight.problems += report.problems
    if flight.frozen is not None and flight.frozen in flying:
        os.kill(flight.frozen, signal.SIGCONT)
        flight.frozen = None
        return
    yield _run(flight, struck, report)


def _run(flight: Flight, struck: tuple[Strike, ...], report: Report) -> Run:
    seconds = time.monotonic() - flight.began
    return Run(flight.cell, struck, seconds, report.calls, tuple(flight.problems))
