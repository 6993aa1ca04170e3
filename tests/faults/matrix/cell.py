"""One tenant's replication in a forked process, which works as a worker does: take what is due, run step after step.

Celery is left out: it carries no more than the ids that the pump gives (tests/faults/test_broker.py has the broker's
own faults). A process that a fault kills or freezes is followed by another one, which knows nothing but Redis and AWS.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, NoReturn

from redis import Redis

from config.catalog import Catalog
from config.settings import Settings
from tasks.connector import Connector, redis_client
from tasks.engine.lease import Leases
from tasks.engine.pump import LONGEST_DELIVERY
from tasks.engine.stretch import Stretch
from tasks.model.desired import TenantId
from tasks.model.replication import State
from tasks.orders.deletion import request_deletion
from tasks.orders.producer import replicate
from tasks.state.keys import Keys
from tasks.state.outcome import Dispatch
from tasks.state.store import Store
from tasks.worker import Worker
from tests.faults.matrix.fault import Call, Strike
from tests.faults.matrix.scenario import PLATFORM, Order, Scenario
from tests.faults.matrix.wire import WiredSessions
from tests.support.redis import problems
from tests.support.waiting import eventually
from workers.sandbox.organization import MANAGEMENT_ACCOUNT_ID as ORGANIZATION

PROJECT = "cell"
DEADLINE = 60.0  # seconds that one process may take; the machine may be busy
LOOK = 0.08  # seconds between two looks into the due index


@dataclass(frozen=True)
class Cell:
    """One order of one tenant, with the faults that strike its replication."""

    workspace: str  # its own: nothing else is in it
    scenario: Scenario
    order: Order
    strikes: tuple[Strike, ...] = ()
    newer: Order | None = None  # comes while the process is frozen

    @property
    def tenant(self) -> TenantId:
        """Name the tenant."""
        return TenantId(self.workspace, PROJECT, PLATFORM)


@dataclass(frozen=True)
class Report:
    """What one process tells."""

    calls: tuple[Call, ...] = ()
    problems: tuple[str, ...] = ()  # what Redis shows that should not be; how the process ended


@dataclass(frozen=True)
class Workbench:
    """What every process is forked with."""

    settings: Settings
    examples: Catalog
    sessions: WiredSessions
    directory: Path  # reports, logs, and what has struck

    def log(self, cell: Cell) -> str:
        """Return the end of what the cell's processes logged."""
        return self._file(cell, "log").read_text(errors="replace")[-3000:]

    def struck(self, cell: Cell) -> tuple[Strike, ...]:
        """Return the strikes that have happened."""
        witness = self._file(cell, "struck")
        happened = witness.read_text().splitlines() if witness.exists() else []
        return tuple(strike for strike in cell.strikes if str(strike) in happened)

    def forget(self, cell: Cell) -> None:
        """Let nothing of this order be taken for the tenant's next one's."""
        self._file(cell, "struck").unlink(missing_ok=True)

    def report(self, cell: Cell, code: int) -> Report:
        """Read what a process that has ended tells."""
        path = self._file(cell, "json")
        if code != 0 or not path.exists():
            return Report(problems=(f"the process ended with exit code {code}",))
        told = json.loads(path.read_text())
        path.unlink()
        return Report(tuple(Call(*call) for call in told["calls"]), tuple(told["problems"]))

    def live(self, cell: Cell) -> NoReturn:
        """Be the child process: never returns into the parent's code."""
        code = 1
        gc.disable()  # it lives for seconds, and collecting copies memory that all processes share
        try:
            log = os.open(self._file(cell, "log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.dup2(log, sys.stdout.fileno())
            os.dup2(log, sys.stderr.fileno())
            report = self._work(cell)
            self._file(cell, "json").write_text(json.dumps(report))
            code = 0
        except BaseException:  # noqa: BLE001 (whatever it is belongs into the log, and the process ends)
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            os._exit(code)

    def _file(self, cell: Cell, kind: str) -> Path:
        return self.directory / f"{cell.workspace}.{kind}"

    def _work(self, cell: Cell) -> dict[str, Any]:
        wire = self.sessions.wire
        wire.strikes, wire.witness = cell.strikes, self._file(cell, "struck")
        settings = self.settings
        redis = redis_client(settings)
        store = Store(redis, settings.retention, settings.event_history, f"{cell.workspace}:")
        worker = Worker(
            settings, cell.scenario.catalog(self.examples, cell.workspace, cell.order), store, self.sessions
        )
        read, shared = (keys.tags(ORGANIZATION) for keys in (store.keys, Keys("cells:")))
        redis.copy(shared, read)  # other cells' accounts need not be read again by each
        _order(worker, cell)
        _drive(worker, redis)
        redis.copy(read, shared, replace=True)
        calls = [(call.service, call.operation, call.occurrence) for call in wire.calls]
        return {"calls": calls, "problems": list(_problems(store, redis, cell.tenant))}


def without(cell: Cell, strikes: tuple[Strike, ...]) -> Cell:
    """Return the cell for the process that follows one in which these strikes have happened."""
    return replace(cell, strikes=tuple(strike for strike in cell.strikes if strike not in strikes))


def _order(connector: Connector, cell: Cell) -> None:
    """Send the order; the same again is the same replication, so that a continuing process changes nothing by it."""
    if cell.order.desired is not None:
        body = cell.scenario.body(cell.order, cell.workspace)
        replicate(cell.workspace, PROJECT, PLATFORM, body, connector=connector)
        return
    record = connector.store.tenants.find(cell.tenant)
    assert record is not None
    request_deletion(record, connector, by="matrix")


def _drive(worker: Worker, redis: Redis) -> None:
    """Work until nothing of the tenant is left to do."""
    store, leases, lease = worker.store, Leases(), worker.settings.lease

    def look() -> bool:
        taken = store.work.pump("nobody's queue", 1, lease, LONGEST_DELIVERY, "matrix")
        for dispatch in taken:
            _run_chain(worker, leases, dispatch)
        return not redis.exists(store.keys.due)

    eventually(look, DEADLINE, LOOK)


def _run_chain(worker: Worker, leases: Leases, dispatch: Dispatch) -> None:
    """Do what Celery's chain does."""
    while (following := Stretch(worker, leases, dispatch).run().following) is not None:
        dispatch = replace(dispatch, step=following)


def _problems(store: Store, redis: Redis, tenant: TenantId) -> Iterator[str]:
    record = store.tenants.find(tenant)
    ended = store.replications.find(record.replication) if record else None
    if ended is None or ended.state is not State.SUCCEEDED:
        yield f"the replication is {ended and ended.state}: {ended and ended.last_error}"
    keys = store.keys
    patterns = (keys.holders("*"), keys.waiters("*"), keys.places("*"), keys.due)
    left = [str(key) for pattern in patterns for key in redis.scan_iter(pattern)]
    if left:
        yield f"left locked or due: {', '.join(sorted(left))}"
    yield from problems(redis, keys.prefix)


def quick(settings: Settings) -> Settings:
    """Make the product's times short: a cell waits for its polls, leases and grace."""
    brief = timedelta(seconds=0.5)
    return settings.model_copy(
        update={
            "lease": brief,
            "lookup_grace": timedelta(seconds=2),
            "poll_interval": timedelta(seconds=0.2),
            "role_propagation": timedelta(seconds=0.2),
            "enrollment_pause": timedelta(seconds=0.2),
            "visibility_grace": timedelta(seconds=3),
            "log_level": "info",
        }
    )
