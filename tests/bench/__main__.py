"""Measure and write docs/benchmarks.md and docs/sizing.md, in about ten minutes; nothing else should run meanwhile.

python -m tests.bench [--only throughput peers] [--large]

--large measures also what takes an hour: a day and a rollout of 1,000 tenants, and the costs of 10,000 accounts.
What is not measured this time stays on the page with its date. Results are kept in docs/benchmarks.json.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from time import monotonic
from typing import Any

from tasks.chain import REPLICATION
from tasks.model.desired import Desired, TenantId
from tasks.model.replication import Replication, State, StepState
from tasks.state.orders import Order
from tasks.state.outcome import StepRecord
from tasks.state.store import Store
from tests.bench import backlog, listings, makespan, metering, orders, peers, scale, sizing, unchanged
from tests.bench.chains import bare_chain_seconds
from tests.bench.daily import OPTIONS as UNLIMITED
from tests.bench.daily import SETTINGS, ZONE, running_tenants
from tests.bench.daily import measure as measure_day
from tests.bench.figure import Figure, Results
from tests.bench.process import resident_megabytes
from tests.bench.rollout import measure as measure_rollout
from tests.support.cluster import ONE_ROLE, Cluster, running_cluster
from tests.support.postgresql import running_postgresql
from workers.sandbox.aws.options import SimulatorOptions

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE, SIZING, RESULTS = DOCS / "benchmarks.md", DOCS / "sizing.md", DOCS / "benchmarks.json"
STEPS = len(REPLICATION.steps)
LEASE = timedelta(seconds=6)
AWS_LIMITS = "AWS: 5 creations at once"
PYTHON = "Python's CPU: botocore, and our record"


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


def replicate_all(running: Cluster, projects: Sequence[str], body: dict[str, Any] | None = None) -> float:
    """Order all tenants at once; answers the seconds until the last has succeeded."""
    started = monotonic()
    for replication in [running.order(project, body) for project in projects]:
        running.succeeded(replication, 600)
    return monotonic() - started


def new_tenants() -> Iterator[Figure]:
    """Measure forty new tenants against what AWS's limits allow, each with a StackSet operation, which go together."""
    options = SimulatorOptions(creation_seconds=4, assignment_seconds=1, stack_operation_seconds=1.5, lag_seconds=0)
    with tempfile.TemporaryDirectory() as directory:
        found = makespan.measure(Path(directory), 40, options, together=True, CONNECTOR_POLL_SECONDS="0.5")
    name = "40 new tenants with a StackSet, account creation 4 s"
    yield Figure("one new tenant alone, account creation 4 s", found.one, "s", "AWS, and looks at what it has done")
    yield Figure(f"{name}: against AWS's bound", found.ratio, "times", f"AWS: {found.busiest}", most=1.05)
    for limit, seconds in found.work.items():
        yield Figure(f"{name}: work of {limit}", seconds, "s", "")
    yield Figure(f"{name}: throttled by AWS", found.throttled, "calls", "", most=0)


def cost_of_unchanged() -> Iterator[Figure]:
    """Count what an unchanged tenant costs."""
    with tempfile.TemporaryDirectory() as directory, unchanged.running_tenants(Path(directory)) as (running, projects):
        cost = unchanged.measure(running, projects)
    name = "an unchanged tenant"
    yield Figure(f"{name}: calls of AWS", cost.calls, "calls", "one read for each thing that is compared", most=9)
    yield Figure(f"{name}: scripts of Redis", cost.scripts, "scripts", "lease and record of each step", most=25)
    yield Figure(scale.COMMANDS, cost.commands, "commands", "those of the scripts", most=250)
    yield Figure(scale.CPU, cost.cpu_seconds * 1000, "ms", PYTHON, most=40)


def throughput() -> Iterator[Figure]:
    """Measure unchanged tenants when each AWS call takes 50 ms and nothing is limited, with 1, 2 and 4 workers.

    With 200 ms a call the cores are idle most of the time: then only what is ours keeps the second worker from working.
    """
    projects = [f"p{number}" for number in range(192)]
    cores = f"{os.cpu_count()} cores, which also run AWS and Redis"
    rates: dict[tuple[int, int], float] = {}
    with cluster(1, UNLIMITED, **{**SETTINGS, "CONNECTOR_WORKER_CONCURRENCY": "8"}) as running:
        before: int = running.redis.client.info("memory")["used_memory"]
        unchanged.replicate(running, projects)
        used: int = running.redis.client.info("memory")["used_memory"]
        yield Figure(scale.SETTLED, (used - before) / len(projects) / 1000, "kB", "its events")
        for workers, latencies in ((1, (50, 200)), (2, (50, 200)), (4, (50,))):
            while len(running.workers) < workers:
                running.start_worker()
            unchanged.replicate(running, projects)  # a worker that has just begun has no connections
            for milliseconds in latencies:
                running.simulator.set_options(latency_seconds=milliseconds / 1000)
                some = projects if milliseconds == 50 else projects[::2]  # the slow calls take four times as long
                rates[workers, milliseconds] = _busy_rate(unchanged.replicate(running, some), workers * 8)
            name = f"unchanged tenants a second, 50 ms a call, {workers} x 8 threads"
            yield Figure(name, rates[workers, 50], "a second", cores, least=10 if workers == 1 else None)
        memory = [resident_megabytes(worker.process.pid) for worker in running.workers]
    for milliseconds, limit in ((50, cores), (200, "a worker's threads")):
        name = f"unchanged tenants a second, {milliseconds} ms a call, two workers against one"
        yield Figure(name, rates[2, milliseconds] / rates[1, milliseconds], "times", limit, least=1.9)
    yield Figure(sizing.MEMORY, median(memory), "MB", "imports", most=130)


def _busy_rate(replications: Sequence[Replication], threads: int) -> float:
    """Return how many ended in a second while all threads were busy: at both ends of a run some stand idle.

    They go in step, as many as there are threads. So it counts from the end of the first such row to that of the last
    but one: with part of a row it would count the time of one row too little.
    """
    ended = sorted(each.ended_at.timestamp() for each in replications if each.ended_at)[threads - 1 : -threads]
    return (len(ended) - 1) / (ended[-1] - ended[0])


def orders_taken() -> Iterator[Figure]:
    """Measure how many orders one API process takes, each on Redis's disk before it is answered."""
    with tempfile.TemporaryDirectory() as directory, orders.running_api(Path(directory)) as port:
        asyncio.run(orders.order(port, 200, orders.AT_ONCE))  # warm
        taken = asyncio.run(orders.order(port, orders.ORDERS, orders.AT_ONCE))
    name = f"orders through one API process, {orders.AT_ONCE} at once"
    yield Figure(name, taken.per_second, "a second", "Python's CPU", least=500)
    yield Figure(f"{name}: 99 of 100", taken.p99_milliseconds, "ms", "Python's CPU", most=50)


def waiting() -> Iterator[Figure]:
    """Measure what those who wait for the lane of account creation cost, and whether they hold up those who do not."""
    rates = {}
    for count in (60, 1500):
        with tempfile.TemporaryDirectory() as directory:
            rates[count] = backlog.measure(Path(directory), count, 40).per_minute
    name = "creations a minute, 1,500 waiting against 60 waiting"
    yield Figure(name, rates[1500] / rates[60], "times", AWS_LIMITS, least=0.95)
    with tempfile.TemporaryDirectory() as directory:
        idle = backlog.measure_idle(Path(directory), 10_000, 15)
    name = "10,000 tenants that wait"
    yield Figure(f"{name}: Redis memory of each", idle.bytes_per_tenant / 1024, "KiB", "the order, its steps", most=8)
    yield Figure(f"{name}: CPU of worker and Redis", idle.cpu, "of a core", "the pump's looks", most=0.05)
    grown = idle.worker_megabytes / idle.worker_megabytes_before
    yield Figure(f"{name}: memory of a worker against an idle one", grown, "times", "", most=1.1)


def resume() -> Iterator[Figure]:
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
        seconds = monotonic() - killed
    lease = f"{LEASE.total_seconds():.0f} s"
    name = f"after kill -9 a worker's replication has ended, lease {lease}"
    yield Figure(name, seconds, "s", "lease, a worker's start, the steps left")


def against_peers() -> Iterator[Figure]:
    """Measure ten accounts, made by plain scripts and by the connector."""
    options = SimulatorOptions(creation_seconds=3, assignment_seconds=1, stack_operation_seconds=1, lag_seconds=0)
    names = [f"p{number}" for number in range(10)]
    name = "a new account of 10, creation 3 s"
    with ThreadPoolExecutor() as pool:  # they wait most of the time, each for an AWS of its own
        alone, threads = pool.submit(peers.in_turn, options, names[:5]), pool.submit(peers.in_threads, options, names)
    yield Figure(f"{name}: a boto3 script, one after the other", alone.result() / 5, "s", "one thing at a time")
    looks = f"{name}: a boto3 script, 5 threads, a look every 10 s"
    yield Figure(looks, threads.result() / 10, "s", "fixed pauses")
    with cluster(2, options) as running:
        replicate_all(running, ["warm0", "warm1", "warm2", "warm3"], ONE_ROLE)
        ours = replicate_all(running, names, ONE_ROLE) / 10
    yield Figure(f"{name}: the connector, 2 workers", ours, "s", AWS_LIMITS)


def overhead() -> Iterator[Figure]:
    """Measure what our record and lease add to a bare Celery chain of no-ops."""
    with cluster(0, SimulatorOptions(lag_seconds=0)) as running:
        bare = bare_chain_seconds(running, chains=200) / STEPS
        record = _record_seconds(running.connector.store, tenants=50)
    yield Figure("a step of a bare Celery chain of no-ops, one worker", bare * 1000, "ms", "Celery")
    yield Figure("what lease and record add to a step", record * 1000, "ms", "Redis: two scripts")


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


def lists() -> Iterator[Figure]:
    """Count how often all accounts of an organization are listed for tenants that search for theirs at once."""
    accounts = 5_000
    with cluster(2, UNLIMITED, **SETTINGS) as running:
        listings.fill(running, accounts)
        new = listings.order_all(running, accounts)
        running.redis.client.flushall()
        lost = listings.order_all(running, accounts)
    name = f"{listings.TENANTS} tenants at once, 2 workers, {accounts:,} accounts: all accounts are listed"
    limit = "one lists for all"
    yield Figure(f"{name}, tenants are new", new.accounts, "times", limit, most=1.1)
    yield Figure(f"{name}, Redis was emptied", lost.accounts, "times", limit, most=1.1)


def a_day() -> Iterator[Figure]:
    """Measure, for 1,000 tenants with a role, a stack and a StackSet each, the daily round and a rollout to all."""
    with tempfile.TemporaryDirectory() as directory, running_tenants(Path(directory), 1000) as (running, projects):
        day = measure_day(running, projects)
        first, second = measure_rollout(running, projects, ZONE)
    name = "daily round of 1,000 unchanged tenants, one role"
    yield Figure(f"{name}: calls of AWS", day.calls_per_tenant, "a tenant", "one read for each thing", most=9)
    yield Figure(f"{name}: writes", day.writes, "writes", "", most=0)
    name = "`aws-connector rollout` to the same 1,000, stack parameter, role mapping and OU"
    yield Figure(name, first.seconds, "s", f"{first.cost}")
    yield Figure(f"{name}, again", second.seconds, "s", f"{second.cost}", most=first.seconds)


def costs() -> Iterator[Figure]:
    """Measure a month of costs of a very large organization, in processes of their own, whose memory is measured."""
    yield from _month_of_costs("SQLite", metering.in_a_process())
    with running_postgresql() as new_database:
        yield from _month_of_costs("PostgreSQL", metering.in_a_process(new_database()))


def _month_of_costs(database: str, found: metering.MonthOfCosts) -> Iterator[Figure]:
    name = f"costs of a month, {database}: {found.asked}"
    yield Figure(f"{name}: kept and reported", found.collected, "s", "the database")
    yield Figure(f"{name}: memory", found.megabytes, "MB", "a page of Cost Explorer, a batch of rows", most=300)
    yield Figure(f"{name}: reports made again", found.reported, "s", "the database")
    yield Figure(f"{name}: exported as CSV", found.exported, "s", f"{found.export_bytes >> 20} MiB of text")
    yield Figure(f"{name}: the slowest page of costs", found.shown, "s", "the database", most=5)


SMALL: Sequence[Callable[[], Iterator[Figure]]] = (
    cost_of_unchanged,
    throughput,
    orders_taken,
    waiting,
    new_tenants,
    against_peers,
    resume,
    overhead,
    lists,
)
LARGE: Sequence[Callable[[], Iterator[Figure]]] = (a_day, costs)


def page(results: Results) -> str:
    """Return the text of the page."""
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    return "\n".join(
        [
            "# Benchmarks",
            "",
            "How fast the connector is, and what limits it. `make bench` measures against the sandbox, on a machine",
            "that also runs the simulated AWS and Redis, and writes this page. Seconds depend on the machine, so",
            "compare ratios and counts. A figure in bold misses its goal. The tests count calls, scripts and commands",
            "too (`tests/tasks/engine/test_cost.py`), so that nobody adds any unnoticed. An unchanged tenant is one",
            "that is ordered again on the same day. Once in 12 hours it costs one call more for each person.",
            "",
            f"{machine}.",
            "",
            *results.table(list(results.figures)),
            "",
            *scale.section(results),
            "",
        ]
    )


def main() -> None:
    """Print every figure as it comes, and write the page after each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", choices=[each.__name__ for each in (*SMALL, *LARGE)])
    parser.add_argument("--large", action="store_true", help="also what takes an hour")
    chosen = parser.parse_args()
    results, today = Results.read(RESULTS), f"{datetime.now(UTC):%Y-%m-%d}"
    for measure in (*SMALL, *LARGE):
        wanted = measure.__name__ in chosen.only if chosen.only else measure in SMALL or chosen.large
        if wanted:
            results = results.with_(replace(each, date=today) for each in measure())
            names = [name for name, each in results.figures.items() if each.date == today]
            print("\n".join(results.table(names)[2:]), end="\n\n", flush=True)
            results.write(RESULTS)
    PAGE.write_text(page(results))
    SIZING.write_text(sizing.page(results))


if __name__ == "__main__":
    main()
