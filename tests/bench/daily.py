"""What a day costs: N unchanged tenants with one role each, by the daily round; calls as the simulator counts.

python -m tests.bench.daily --tenants 200
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

from tasks.daily import look_at_organizations, replicate_oldest
from tasks.model import State
from tests.cluster import Cluster, desired, running_cluster
from tests.waiting import eventually
from workers.sandbox.aws.options import SimulatorOptions

AT_ONCE = 100  # orders; so many do not make the simulator wait for its own creations
ACCESS = [{"username": "alice", "euid": "alice@example.com", "roles": ["admin"]}]
SETTINGS = {
    "CONNECTOR_WORKER_CONCURRENCY": "16",
    "CONNECTOR_LEASE_SECONDS": "15",
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


def measure(directory: Path, tenants: int, zone: str) -> Day:
    """Order the tenants, let a day pass, run the round."""
    with running_cluster(directory, 2, OPTIONS, **SETTINGS) as cluster:
        projects = [f"d{number}" for number in range(tenants)]
        for start in range(0, tenants, AT_ONCE):
            orders = [cluster.order(name, desired(zone, ACCESS)) for name in projects[start : start + AT_ONCE]]
            for order in orders:
                cluster.succeeded(order, 600)
        return _day(cluster, projects)


def _day(cluster: Cluster, projects: list[str]) -> Day:
    house = cluster.connector
    house.store.redis.delete("connector:touched")  # a day has passed since the last write
    house.store.redis.zadd("connector:replicated", {str(cluster.tenant_id(name)): 1 for name in projects}, xx=True)
    began, mark = monotonic(), cluster.simulator.mark()
    assert look_at_organizations(house, datetime.now(UTC)) == 1
    while replicate_oldest(house, datetime.now(UTC)):
        pass  # every tick at once
    for name in projects:
        eventually(lambda name=name: _ended(cluster, name), 600)  # type: ignore[misc]  # bound at once
    calls = [call for call in cluster.simulator.calls(mark) if not call.operation.startswith("AssumeRole")]
    counted = Counter(f"{call.service}:{call.operation}" for call in calls)
    return Day(len(projects), monotonic() - began, counted, sum(call.write for call in calls))


def _ended(cluster: Cluster, project: str) -> bool:
    record = cluster.connector.store.tenant(cluster.tenant_id(project))
    assert record is not None
    return record.state is State.SUCCEEDED


def main() -> None:
    """Measure as the command line says and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tenants", type=int, default=200)
    parser.add_argument("--zone", default="development", help="landing zone; this one has a stack and a StackSet")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        day = measure(Path(directory), chosen.tenants, chosen.zone)
    print(f"{day.tenants} unchanged tenants: {day.calls_per_tenant:.2f} calls each, {day.writes} writes")
    print(f"{day.seconds:.0f} s, {day.tenants / day.seconds:.1f} tenants a second")
    for name, count in day.calls.most_common():
        print(f"{name}: {count}")


if __name__ == "__main__":
    main()
