"""What a day costs: N unchanged tenants with one role each, by the daily round; calls as the simulator counts.

python -m tests.bench.daily --tenants 200 measures a rollout to the same tenants too.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

from tasks.daily.round import look_at_organizations, replicate_oldest
from tasks.model.replication import State
from tests.bench.rollout import measure as measure_rollout
from tests.support.cluster import Cluster, configuration, desired, running_cluster
from tests.support.waiting import eventually
from workers.sandbox.aws.options import SimulatorOptions

AT_ONCE = 100  # orders; so many do not make the simulator wait for its own creations
ZONE = "development"  # has a stack and a StackSet
ACCESS = [{"username": "alice", "euid": "alice@example.com", "roles": ["admin"]}]
SETTINGS = {
    "CONNECTOR_WORKER_CONCURRENCY": "16",
    "CONNECTOR_LEASE_SECONDS": "6",
    "CONNECTOR_LOG_LEVEL": "warning",
    "CONNECTOR_ACCESS_GRACE_SECONDS": "1",  # the accounts count as old
    "CONNECTOR_ACCOUNT_CREATION_LIMIT": "99",
    "CONNECTOR_ACCOUNT_ASSIGNMENT_LIMIT": "99",
    "CONNECTOR_STACK_SET_OPERATION_LIMIT": "99",
    "CONNECTOR_IDENTITY_CENTER_CALLS_PER_SECOND": "1000",
    "CONNECTOR_ORGANIZATIONS_CALLS_PER_SECOND": "1000",
}
OPTIONS = SimulatorOptions(
    creation_seconds=0,
    role_delay_seconds=0,
    assignment_seconds=0,
    stack_seconds=0,
    stack_operation_seconds=0,
    lag_seconds=0,
    creations_in_flight=99,
    assignments_in_flight=99,
)


@dataclass(frozen=True)
class Day:
    """What one round cost, AssumeRole aside."""

    tenants: int
    seconds: float
    calls: Counter[str]
    writes: int

    @property
    def calls_per_tenant(self) -> float:
        """On average, the shared lists included."""
        return self.calls.total() / self.tenants


@contextmanager
def running_tenants(directory: Path, tenants: int) -> Iterator[tuple[Cluster, list[str]]]:
    """Run a cluster with documents of its own; gives it with the projects of tenants that have succeeded."""
    documents = configuration(directory)
    with running_cluster(directory, 2, OPTIONS, forked=False, **SETTINGS, CONNECTOR_CONFIG_DIR=documents) as cluster:
        projects = [f"d{number}" for number in range(tenants)]
        for start in range(0, tenants, AT_ONCE):
            orders = [cluster.order(name, desired(ZONE, ACCESS)) for name in projects[start : start + AT_ONCE]]
            for order in orders:
                cluster.succeeded(order, 600)
        yield cluster, projects


def measure(cluster: Cluster, projects: list[str]) -> Day:
    """Let a day pass, run the round."""
    connector = cluster.connector
    redis = cluster.redis.client
    redis.delete("connector:touched")  # a day has passed since the last write
    redis.zadd("connector:replicated", {str(cluster.tenant_id(name)): 1 for name in projects}, xx=True)
    began, mark = monotonic(), cluster.simulator.mark()
    assert look_at_organizations(cluster.worker, datetime.now(UTC)) == 1
    while replicate_oldest(connector, datetime.now(UTC)):
        pass  # every tick at once
    for name in projects:
        eventually(lambda name=name: _ended(cluster, name), 600)  # type: ignore[misc]  # bound at once
    calls = [call for call in cluster.simulator.calls(mark) if not call.operation.startswith("AssumeRole")]
    counted = Counter(f"{call.service}:{call.operation}" for call in calls)
    return Day(len(projects), monotonic() - began, counted, sum(call.write for call in calls))


def _ended(cluster: Cluster, project: str) -> bool:
    record = cluster.connector.store.tenants.find(cluster.tenant_id(project))
    assert record is not None
    return record.state is State.SUCCEEDED


def main() -> None:
    """Measure as the command line says and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tenants", type=int, default=200)
    chosen = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as directory,
        running_tenants(Path(directory), chosen.tenants) as (cluster, projects),
    ):
        _show_day(measure(cluster, projects))
        for each in measure_rollout(cluster, projects, ZONE):
            print("\n".join([*each.progress, f"{each.seconds:.0f} s, {each.cost}"]))


def _show_day(day: Day) -> None:
    print(f"{day.tenants} unchanged tenants: {day.calls_per_tenant:.2f} calls each, {day.writes} writes")
    print(f"{day.seconds:.0f} s, {day.tenants / day.seconds:.1f} tenants a second")
    for name, count in day.calls.most_common():
        print(f"{name}: {count}")


if __name__ == "__main__":
    main()
