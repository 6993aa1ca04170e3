"""Measure and write docs/benchmarks.md. Takes some minutes; nothing else should run meanwhile."""

from __future__ import annotations

import asyncio
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from time import monotonic

from tasks.chain import REPLICATION
from tasks.model.desired import Desired, TenantId
from tasks.model.replication import State, StepState
from tasks.state.orders import Order
from tasks.state.outcome import StepRecord
from tasks.state.store import Store
from tests.bench.chains import bare_chain_seconds
from tests.bench.daily import OPTIONS as UNLIMITED
from tests.bench.daily import SETTINGS, ZONE, running_tenants
from tests.bench.daily import measure as measure_day
from tests.bench.orders import AT_ONCE, ORDERS, order, running_api
from tests.bench.rollout import measure as measure_rollout
from tests.bench.unchanged import measure as measure_unchanged
from tests.bench.unchanged import replicate
from tests.bench.unchanged import running_tenants as warm_tenants
from tests.support.cluster import Cluster, desired, running_cluster
from workers.demo.supervisor import Child
from workers.sandbox.aws.options import SimulatorOptions

PAGE = Path(__file__).resolve().parents[2] / "docs" / "benchmarks.md"
STEPS = len(REPLICATION.steps)
LEASE = timedelta(seconds=6)


@contextmanager
def cluster(workers: int, options: SimulatorOptions, **settings: str) -> Iterator[Cluster]:
    """Run a cluster as in production but for the poll interval, which fits the simulator's pace."""
    times = {
        "CONNECTOR_POLL_SECONDS": "0.5",
        "CONNECTOR_PUMP_SECONDS": "0.2",
        "CONNECTOR_LEASE_SECONDS": "6",
        "CONNECTOR_WORKER_CONCURRENCY": "32",
        "CONNECTOR_LOG_LEVEL": "warning",
    }
    with (
        tempfile.TemporaryDirectory() as directory,
        running_cluster(Path(directory), workers, options, forked=False, **{**times, **settings}) as running,
    ):
        yield running


def replicate_all(running: Cluster, projects: list[str]) -> float:
    """Order all tenants at once; answers the seconds until the last has succeeded."""
    started = monotonic()
    for replication in [running.order(project) for project in projects]:
        running.succeeded(replication, 600)
    return monotonic() - started


def calls_and_makespan() -> list[str]:
    """Measure one tenant alone, twenty at once, and all of them again."""
    options = SimulatorOptions(creation_seconds=3, stack_operation_seconds=0.3, lag_seconds=0)
    with cluster(2, options) as running:
        alone = replicate_all(running, ["alone"])
        new = running.simulator.counts()
        projects = [f"p{number}" for number in range(20)]
        makespan = replicate_all(running, projects)
        bound = len(projects) / 5 * options.creation_seconds + alone
        mark = running.simulator.mark()
        again = replicate_all(running, projects)
        calls = [call for call in running.simulator.calls(mark) if call.operation != "AssumeRole"]
        writes = sum(call.write for call in calls)
        memory = [_resident_megabytes(worker) for worker in running.workers]
    return [
        f"| one new tenant alone, account creation {options.creation_seconds:g} s | {alone:.1f} s |",
        f"| AWS calls of a new tenant beside AssumeRole (3 roles) | {new.calls - new.assume_role} |",
        f"| 20 new tenants, 2 workers | {makespan:.1f} s, {makespan / bound:.2f} times what AWS's 5 creations allow |",
        f"| the same 20 again, unchanged | {again:.1f} s, {len(calls) / 20:.1f} reads and {writes} writes a tenant |",
        f"| memory of a worker after that, 32 threads | {median(memory):.0f} MB |",
    ]


def throughput() -> list[str]:
    """Measure unchanged tenants when each AWS call takes 50 ms and nothing is limited, with 1, 2 and 4 workers."""
    rows = []
    projects = [f"p{number}" for number in range(48)]
    with cluster(1, UNLIMITED, **{**SETTINGS, "CONNECTOR_WORKER_CONCURRENCY": "8"}) as running:
        replicate(running, projects)
        running.simulator.set_options(latency_seconds=0.05)
        for workers in (1, 2, 4):
            while len(running.workers) < workers:
                running.start_worker()
            replicate(running, projects)  # a worker that has just begun has no connections
            started = monotonic()
            replicate(running, projects)
            a_second = len(projects) / (monotonic() - started)
            rows.append(
                f"| unchanged tenants, 50 ms a call, no limits, {workers} x 8 threads | {a_second:.1f} a second |"
            )
    return rows


def unchanged() -> list[str]:
    """Count what one unchanged tenant costs."""
    with tempfile.TemporaryDirectory() as directory, warm_tenants(Path(directory)) as (running, projects):
        cost = measure_unchanged(running, projects)
    counts = f"{cost.calls:.1f} calls, {cost.scripts:.1f} scripts, {cost.commands:.0f} commands with those of scripts"
    return [f"| one unchanged tenant | {counts}, {cost.cpu_seconds * 1000:.0f} ms of the worker's CPU |"]


def orders_taken() -> list[str]:
    """Measure how many orders one API process takes."""
    with tempfile.TemporaryDirectory() as directory, running_api(Path(directory)) as port:
        taken = asyncio.run(order(port, ORDERS, AT_ONCE))
    return [f"| orders through one API process, {AT_ONCE} at once, each on Redis's disk | {taken} |"]


def resume() -> list[str]:
    """Measure how long after kill -9 the work goes on, with the default lease."""
    with cluster(2, SimulatorOptions(creation_seconds=1, lag_seconds=0)) as running:
        running.simulator.inject(service="organizations", operation="MoveAccount", kind="delay", seconds=60, times=1)
        replication = running.order("held")
        running.until_running(replication, "move_to_ou")
        for worker in list(running.workers):
            running.kill(worker)
        killed = monotonic()
        running.start_worker()
        running.succeeded(replication, 120)
    lease = f"{LEASE.total_seconds():.0f} s"
    return [f"| a killed worker's replication has ended, lease {lease} | {monotonic() - killed:.1f} s after kill -9 |"]


def a_day() -> list[str]:
    """Measure, for 1,000 tenants with a role, a stack and a StackSet each, the daily round and a rollout to all."""
    with tempfile.TemporaryDirectory() as directory, running_tenants(Path(directory), 1000) as (running, projects):
        day = measure_day(running, projects)
        first, second = measure_rollout(running, projects, ZONE)
    cost = f"{day.calls_per_tenant:.2f} calls and {day.writes} writes a tenant, beside AssumeRole"
    changes = "stack parameter, role mapping and OU"
    return [
        f"| daily round of {day.tenants} unchanged tenants, one role, a stack and a StackSet | {cost} |",
        f"| `aws-connector rollout` to the same {first.tenants} ({changes}) | {first.seconds:.0f} s, {first.cost} |",
        f"| the same rollout again | {second.seconds:.0f} s, {second.cost} |",
    ]


def overhead() -> list[str]:
    """Measure what our record and lease add to a bare Celery chain of no-ops."""
    with cluster(0, SimulatorOptions(lag_seconds=0)) as running:
        bare = bare_chain_seconds(running, chains=200) / STEPS
        record = _record_seconds(running.connector.store, tenants=50)
        waiting = _bytes_per_waiting_tenant(running)
    return [
        f"| a step of a bare Celery chain of no-ops, one worker | {bare * 1000:.2f} ms |",
        f"| what lease and record add to a step | {record * 1000:.2f} ms, in all {1 + record / bare:.2f} times |",
        f"| Redis memory of one waiting tenant with 3 people | {waiting / 1000:.1f} kB |",
    ]


def _record_seconds(store: Store, tenants: int) -> float:
    """Return the seconds that begin and record take for one step."""
    for number in range(tenants):
        store.orders.submit(Order(TenantId("bench", f"p{number}", "aws.sandbox"), Desired(landing_zone="development")))
    taken = store.work.pump("bench", tenants, LEASE, LEASE, "bench")
    started = monotonic()
    for index, step in enumerate(REPLICATION.steps):
        document = StepState(name=step.name, state=State.SUCCEEDED, note="nothing to do", attempts=1)
        last = index == STEPS - 1
        state = State.SUCCEEDED if last else State.RUNNING
        outcome = StepRecord(step=index, document=document, state=state, due=LEASE, advance=True)
        for dispatch in taken:
            store.work.begin(replace(dispatch, step=index), "bench", LEASE)
            store.work.record(dispatch.replication, "bench", outcome)
    return (monotonic() - started) / (tenants * STEPS)


def _bytes_per_waiting_tenant(running: Cluster, tenants: int = 2000) -> float:
    order, redis = Desired.model_validate(desired()), running.redis.client
    before: int = redis.info("memory")["used_memory"]
    for number in range(tenants):
        running.connector.store.orders.submit(Order(TenantId("waiting", f"p{number}", "aws.sandbox"), order))
    used: int = redis.info("memory")["used_memory"]
    return (used - before) / tenants


def _resident_megabytes(worker: Child) -> float:
    status = Path(f"/proc/{worker.process.pid}/status")
    if not status.exists():  # no Linux
        return float("nan")
    [line] = [line for line in status.read_text().splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) / 1000


def costs() -> list[str]:
    """Measure a month of costs of a very large organization, in a process of its own: its memory is measured too."""
    command = [sys.executable, "-m", "tests.bench.metering"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def main() -> None:
    """Print every figure as it comes, then write the page."""
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    lines = [
        "# Benchmarks",
        "",
        "Written by `make bench` against the sandbox on one machine, load and all; compare ratios, not seconds.",
        "",
        f"{datetime.now(UTC):%Y-%m-%d}, {machine}.",
        "",
        "| what | measured |",
        "|---|---|",
    ]
    for measure in (overhead, unchanged, orders_taken, calls_and_makespan, throughput, resume, a_day, costs):
        rows = measure()
        print("\n".join(rows), flush=True)
        lines += rows
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
