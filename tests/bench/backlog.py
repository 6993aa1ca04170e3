"""What waiting costs: creations a minute with many tenants waiting for the lane, and what a worker does meanwhile.

python -m tests.bench.backlog --waiting 60 1500     creations, and what else is executed
python -m tests.bench.backlog --idle 10000          Redis, memory and CPU while nobody may begin
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from pathlib import Path
from time import monotonic

from tasks.chain import REPLICATION
from tasks.connector import Connector
from tasks.model.desired import Desired, TenantId
from tasks.model.handles import Handles
from tasks.model.replication import State, StepState
from tasks.resolve import resolved
from tasks.state.orders import Order
from tasks.state.outcome import StepRecord
from tasks.state.store import Store
from tasks.steps import with_nothing_to_do
from tests.bench.process import cpu_seconds, resident_megabytes
from tests.support.cluster import PLATFORM, Cluster, desired, running_cluster
from tests.support.waiting import eventually
from workers.sandbox.aws.options import SimulatorOptions
from workers.sandbox.organization import MANAGEMENT_ACCOUNT_ID

LANE = f"account creation in {MANAGEMENT_ACCOUNT_ID}"
PLACES = 5
CREATE = [step.name for step in REPLICATION.steps].index("create_account")
LEASE = timedelta(minutes=10)  # of this process, which fills the lane
OPTIONS = SimulatorOptions(
    creation_seconds=3.0,
    role_delay_seconds=0.2,
    assignment_seconds=0.1,
    stack_operation_seconds=0,
    lag_seconds=0,
)
SETTINGS = {
    "CONNECTOR_WORKER_CONCURRENCY": "16",
    "CONNECTOR_LEASE_SECONDS": "15",
    "CONNECTOR_POLL_SECONDS": "0.5",
    "CONNECTOR_PUMP_SECONDS": "0.2",
    "CONNECTOR_LOG_LEVEL": "warning",
    "CONNECTOR_STACK_SET_OPERATION_LIMIT": "99",
}


@dataclass(frozen=True)
class Backlog:
    """What was measured while so many waited."""

    waiting: int
    creations: int
    seconds: float  # from the first of these creations to the last
    executions: int  # dispatches of any step in that time

    @property
    def per_minute(self) -> float:
        """Creations begun in a minute."""
        return self.creations / self.seconds * 60


@dataclass(frozen=True)
class Idle:
    """What so many who wait cost while nobody's turn comes."""

    waiting: int
    bytes_per_tenant: float  # of Redis
    worker_megabytes: float
    worker_megabytes_before: float
    cpu: float  # of one core: worker and Redis together
    executions: int


def wait_in_lane(connector: Connector, waiting: int) -> list[str]:
    """Let tenants wait as if a worker had run them, and others hold all places; answers who holds them."""
    store, order = connector.store, Desired.model_validate(desired("production"))
    holders = [TenantId("likvid", f"h{number}", PLATFORM) for number in range(PLACES)]
    waiters = [TenantId("likvid", f"w{number}", PLATFORM) for number in range(waiting)]
    tenant = resolved(connector.catalog, holders[0], order, Handles(), None)
    idle = with_nothing_to_do(REPLICATION, tenant, Handles())
    # Those who hold the places come there before anybody is ordered who waits.
    for names in (holders, *(waiters[start : start + 500] for start in range(0, waiting, 500))):
        ids = [store.orders.submit(Order(name, order)) for name in names]
        _reach(store, ids, idle)
        if names is holders:
            held = ids
    return held


def _reach(store: Store, ids: list[str], idle: Mapping[str, str]) -> None:
    """Run what was ordered as far as the step that enters the lane."""
    for index in (0, CREATE):
        left = set(ids)
        while left:
            for dispatch in store.work.pump("filled", 1000, LEASE, LEASE, "filler"):
                assert dispatch.step == index
                left.discard(dispatch.replication)
                assert store.work.begin(dispatch, "filler", LEASE)
                if index == 0:
                    document = StepState(name=REPLICATION.steps[0].name, state=State.SUCCEEDED, attempts=1)
                    record = StepRecord(0, document, State.RUNNING, idle=idle, advance=True, following=CREATE)
                else:
                    waits = store.limits.enter(LANE, dispatch.tenant, dispatch.replication, PLACES) != -1
                    document = StepState(name=REPLICATION.steps[CREATE].name, state=State.WAITING, attempts=1)
                    due = timedelta(hours=1)
                    record = StepRecord(
                        CREATE, document, State.WAITING, idle=idle, due=due, lane=LANE if waits else None
                    )
                assert store.work.record(dispatch.replication, "filler", record)


def measure(directory: Path, waiting: int, creations: int) -> Backlog:
    """Let so many wait, then free the lane, and time the creations that follow."""
    with _cluster(directory) as cluster:
        store = cluster.connector.store
        holders = wait_in_lane(cluster.connector, waiting + creations)
        cluster.start_worker()
        mark = cluster.simulator.mark()
        for number, holder in enumerate(holders):
            store.limits.leave(LANE, str(TenantId("likvid", f"h{number}", PLATFORM)), holder)
            store.orders.cancel(holder)
        before = store.counts.all().get("dispatches", 0)

        def created() -> list[float] | None:
            found = [call.time for call in cluster.simulator.calls(mark) if call.operation == "CreateAccount"]
            return found if len(found) > creations else None

        times = eventually(created, 900, every=1.0)
        executions = store.counts.all()["dispatches"] - before
        # The first ones begin all at once.
        return Backlog(waiting, creations - PLACES, times[creations] - times[PLACES], executions)


def measure_idle(directory: Path, waiting: int, seconds: float = 30.0) -> Idle:
    """Let so many wait for a lane in which nothing moves."""
    with _cluster(directory) as cluster:
        store, redis = cluster.connector.store, cluster.redis.client
        worker = cluster.start_worker().process.pid
        before, megabytes = redis.info("memory")["used_memory"], resident_megabytes(worker)
        os.kill(worker, 19)  # it would take what is ordered before it waits
        wait_in_lane(cluster.connector, waiting)
        used = redis.info("memory")["used_memory"] - before
        os.kill(worker, 18)
        server = redis.info("server")["process_id"]
        dispatches = store.counts.all().get("dispatches", 0)
        settled = monotonic()
        eventually(lambda: monotonic() - settled > 5, 10)
        cpu, began = sum(map(cpu_seconds, (worker, server))), monotonic()
        eventually(lambda: monotonic() - began > seconds, seconds + 10, every=1.0)
        cpu = sum(map(cpu_seconds, (worker, server))) - cpu
        return Idle(
            waiting,
            used / waiting,
            resident_megabytes(worker),
            megabytes,
            cpu / (monotonic() - began),
            store.counts.all().get("dispatches", 0) - dispatches,
        )


@contextmanager
def _cluster(directory: Path) -> Iterator[Cluster]:
    with running_cluster(directory, 0, OPTIONS, forked=False, **SETTINGS) as cluster:
        yield cluster


def main() -> None:
    """Measure as the command line says and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--waiting", type=int, nargs="*", default=[])
    parser.add_argument("--creations", type=int, default=50)
    parser.add_argument("--idle", type=int, nargs="*", default=[])
    chosen = parser.parse_args()
    for run, waiting in zip(count(), chosen.waiting):
        with tempfile.TemporaryDirectory() as directory:
            found = measure(Path(directory), waiting, chosen.creations)
        print(f"{waiting} waiting: {found.per_minute:.1f} creations a minute, {found.executions} dispatches", run)
    for waiting in chosen.idle:
        with tempfile.TemporaryDirectory() as directory:
            idle = measure_idle(Path(directory), waiting)
        print(
            f"{waiting} waiting: {idle.bytes_per_tenant / 1024:.1f} KiB of Redis each, worker "
            f"{idle.worker_megabytes_before:.0f} -> {idle.worker_megabytes:.0f} MB, {idle.cpu:.1%} of a core, "
            f"{idle.executions} dispatches"
        )


if __name__ == "__main__":
    main()
