"""What an unchanged tenant costs that is replicated again: AWS calls, scripts and commands of Redis, CPU of the worker.

Counted, not timed: load on the machine disturbs the CPU alone. python -m tests.bench.unchanged
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

from tasks.model.replication import Replication
from tests.bench.daily import ACCESS, OPTIONS, SETTINGS, ZONE
from tests.bench.process import cpu_seconds
from tests.support.cluster import Cluster, desired, running_cluster
from tests.support.stopped import standing_still
from tests.support.waiting import eventually

TENANTS = 12
SCRIPTS = ("evalsha", "eval", "fcall")
IDLE_SECONDS = 3.0


@dataclass(frozen=True)
class Cost:
    """Of one tenant, on average."""

    calls: float
    scripts: float
    commands: float  # all, also those that scripts send
    cpu_seconds: float
    by_command: Counter[str]


@contextmanager
def running_tenants(directory: Path, tenants: int = TENANTS, **variables: str) -> Iterator[tuple[Cluster, list[str]]]:
    """Run a cluster of one worker whose tenants have been replicated until they are as old tenants are."""
    settings = {
        **SETTINGS,
        **variables,
        "CONNECTOR_PUMP_SECONDS": "0.2",
        "CONNECTOR_LEASE_SECONDS": "60",
    }  # a busy machine renews none
    with running_cluster(directory, 1, OPTIONS, forked=False, **settings) as cluster:
        projects = [f"u{number}" for number in range(tenants)]
        eventually(lambda: _settled(cluster, projects), 600)
        yield cluster, projects


def replicate(cluster: Cluster, projects: list[str]) -> list[Replication]:
    """Order all tenants, and wait for all."""
    orders = [cluster.order(name, desired(ZONE, ACCESS)) for name in projects]
    return [cluster.succeeded(order, 600) for order in orders]


def _settled(cluster: Cluster, projects: list[str]) -> bool:
    """Replicate all, and tell whether all are old: new assignments are remembered until AWS must show them."""
    replicate(cluster, projects)
    records = [cluster.connector.store.tenants.find(cluster.tenant_id(name)) for name in projects]
    return all(record is not None and not record.handles.settled_assignments for record in records)


def measure(cluster: Cluster, projects: list[str]) -> Cost:
    """Replicate all again; what the pump and the tests do beside it is taken off."""
    [worker] = cluster.workers
    began, stats = monotonic(), _stats(cluster)
    sleep(IDLE_SECONDS)
    background = _rate(stats, _stats(cluster), monotonic() - began)
    mark, cpu = cluster.simulator.mark(), cpu_seconds(worker.process.pid)
    with standing_still(worker.process.pid):  # it finds all orders together, on a busy machine too
        stats = _stats(cluster)
        orders = [cluster.order(name, desired(ZONE, ACCESS)) for name in projects]
        began = monotonic()  # there is nothing beside it before
    store, redis = cluster.connector.store, cluster.redis.client
    while redis.zcard(store.keys.due):
        sleep(0.1)
    seconds = monotonic() - began
    spent = _stats(cluster)
    for order in orders:
        cluster.succeeded(order)
    calls = [call for call in cluster.simulator.calls(mark) if not call.operation.startswith("AssumeRole")]
    used = Counter({name: spent[name] - stats[name] - background[name] * seconds for name in spent})
    used["zcard"] = used["info"] = 0  # of this module
    count = len(projects)
    return Cost(
        len(calls) / count,
        sum(used[name] for name in SCRIPTS) / count,
        used.total() / count,
        (cpu_seconds(worker.process.pid) - cpu) / count,
        Counter({name: round(number / count, 1) for name, number in used.items()}),
    )


def _stats(cluster: Cluster) -> Counter[str]:
    stats = cluster.redis.client.info("commandstats")
    return Counter({name.removeprefix("cmdstat_"): each["calls"] for name, each in stats.items()})


def _rate(before: Counter[str], after: Counter[str], seconds: float) -> Counter[str]:
    return Counter({name: (after[name] - before[name]) / seconds for name in after})


def main() -> None:
    """Measure as the command line says and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tenants", type=int, default=TENANTS)
    chosen = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as directory,
        running_tenants(Path(directory), chosen.tenants) as (cluster, projects),
    ):
        cost = measure(cluster, projects)
    print(f"an unchanged tenant: {cost.calls:.1f} calls, {cost.scripts:.1f} scripts, {cost.commands:.0f} commands,")
    print(f"{cost.cpu_seconds * 1000:.0f} ms CPU of the worker")
    for name, number in cost.by_command.most_common(25):
        print(f"{name}: {number}")


if __name__ == "__main__":
    main()
