"""How long N ordered tenants take against the bound that AWS's limits allow, and how busy each limit was meanwhile.

python -m tests.bench.makespan --tenants 100 --creation 6

The bound is the work of AWS's busiest limit + the time of one undisturbed tenant. Such work is N / 5 x creation, each
operation of the StackSet, and the calls of Identity Center, of which AWS takes 20 a second. A lane is measured by the
simulator's own log of calls (what AWS had in flight) while our events say that somebody waits for it.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.support.cluster import Cluster, running_cluster
from tests.support.common_set import make_common_set, with_common_set
from workers.sandbox.aws.options import SimulatorOptions
from workers.sandbox.client import RecordedCall

Span = tuple[float, float]  # from, to; seconds since the epoch
IDENTITY_CENTER = ("sso-admin", "identitystore")  # their calls are limited together
CALLS_PER_SECOND = 20  # of Identity Center, which is AWS's own figure
LANES = {  # the lane's name in our notes -> the calls that begin a piece of its work, and AWS's limit
    "account creation": (("CreateAccount",), 5),
    "account assignment": (("CreateAccountAssignment", "DeleteAccountAssignment"), 10),
    "StackSet operation": (("CreateStackInstances", "UpdateStackInstances"), 1),
}


@dataclass(frozen=True)
class Makespan:
    """What was measured, in seconds; `busy` is the share of each lane's places in use while somebody waited for it."""

    tenants: int
    one: float  # one undisturbed tenant
    total: float
    work: dict[str, float]  # what each of AWS's limits takes for all that was asked of it, at best
    busy: dict[str, float]
    waited: dict[str, float]  # for how long somebody waited for the lane
    throttled: int  # calls that the simulator refused because they were too many

    @property
    def busiest(self) -> str:
        """The limit that takes longest."""
        return max(self.work, key=lambda limit: self.work[limit])

    @property
    def bound(self) -> float:
        """The time in which it could have been done at best: nobody gets through the busiest limit faster."""
        return self.work[self.busiest] + self.one

    @property
    def ratio(self) -> float:
        """The makespan, as a multiple of the bound."""
        return self.total / self.bound


def measure(
    directory: Path,
    tenants: int,
    options: SimulatorOptions,
    workers: int = 2,
    zone: str = "production",
    *,
    together: bool = False,
    forked: bool = False,
    **settings: str,
) -> Makespan:
    """Order one tenant and wait for it, then all others at once.

    forked     workers start quickly, as most tests' do; else as in production
    together   they all want the same of their StackSet; else each has parameters of its own, and an operation
    """
    if together:
        settings["CONNECTOR_CONFIG_DIR"] = with_common_set(directory)
    quick = {"CONNECTOR_WORKER_CONCURRENCY": "32", "CONNECTOR_LEASE_SECONDS": "6", "CONNECTOR_PUMP_SECONDS": "0.2"}
    with running_cluster(directory, workers, options, forked=forked, **{**quick, **settings}) as cluster:
        if together:
            make_common_set(cluster)
        # Each process has read AWS's service models before anything is measured.
        _seconds(cluster, [cluster.order(f"warm{number}", _body(zone)) for number in range(2 * workers)])
        one = _seconds(cluster, [cluster.order("alone", _body(zone))])
        mark = cluster.simulator.mark()
        projects = [f"p{number}" for number in range(tenants)]
        total = _seconds(cluster, [cluster.order(project, _body(zone)) for project in projects])
        calls = cluster.simulator.calls(mark)
        waits = {lane: _union(_waits(cluster, projects, lane)) for lane in LANES}
    durations = {
        "account creation": options.creation_seconds,
        "account assignment": options.assignment_seconds,
        "StackSet operation": options.stack_operation_seconds,
    }
    work = {lane: _work(calls, lane, durations[lane]) for lane in LANES}
    return Makespan(
        tenants=tenants,
        one=one,
        total=total,
        work={
            **{lane: len(work[lane]) * durations[lane] / LANES[lane][1] for lane in LANES},
            "Identity Center calls": sum(call.service in IDENTITY_CENTER for call in calls) / CALLS_PER_SECOND,
        },
        busy={lane: _busy(work[lane], waits[lane], LANES[lane][1]) for lane in LANES},
        waited={lane: sum(stop - start for start, stop in waits[lane]) for lane in LANES},
        throttled=sum(call.outcome in ("TooManyRequestsException", "ThrottlingException") for call in calls),
    )


def _body(zone: str) -> dict[str, Any]:
    people = [
        {"username": "alice", "euid": "alice@example.com", "roles": ["admin"]},
        {"username": "bob", "euid": "bob@example.com", "roles": ["user", "reader"]},
    ]
    return {"landingZone": zone, "access": people}


def _seconds(cluster: Cluster, replications: Sequence[str]) -> float:
    ended = [cluster.succeeded(replication, 900) for replication in replications]
    first = min(each.requested_at for each in ended)
    return max(each.ended_at - first for each in ended if each.ended_at).total_seconds()


def _waits(cluster: Cluster, projects: Iterable[str], lane: str) -> Iterable[Span]:
    """Yield from when to when a tenant had nothing else to do than to wait for a place."""
    for project in projects:
        since: float | None = None
        key = cluster.connector.store.keys.events(cluster.tenant_id(project))
        for _, fields in cluster.redis.client.xrange(key):
            event = json.loads(fields["data"])
            if event["type"] != "step":
                continue
            at = datetime.fromisoformat(event["at"]).timestamp()
            waits = str(event.get("note", "")).startswith(f"waiting for {lane}")
            if waits and since is None:
                since = at
            elif not waits and since is not None:
                yield since, at
                since = None


def _union(spans: Iterable[Span]) -> list[Span]:
    union: list[Span] = []
    for start, stop in sorted(spans):
        if union and start <= union[-1][1]:
            union[-1] = (union[-1][0], max(stop, union[-1][1]))
        else:
            union.append((start, stop))
    return union


def _work(calls: Sequence[RecordedCall], lane: str, seconds: float) -> list[Span]:
    operations = LANES[lane][0]
    return [(call.time, call.time + seconds) for call in calls if call.operation in operations and call.outcome == "ok"]


def _busy(work: Iterable[Span], waits: Sequence[Span], places: int) -> float:
    """Return how much of the places was used while somebody waited; 1 when nobody ever did."""
    used = sum(max(0.0, min(stop, end) - max(start, since)) for start, stop in work for since, end in waits)
    offered = sum(end - since for since, end in waits) * places
    return used / offered if offered else 1.0


def main() -> None:
    """Measure as the command line says and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tenants", type=int, default=20)
    parser.add_argument("--creation", type=float, default=1.5, help="seconds that AWS takes for an account")
    parser.add_argument("--assignment", type=float, default=1.0)
    parser.add_argument("--operation", type=float, default=2.0, help="seconds of a StackSet operation")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--poll", default="0.5")
    parser.add_argument("--zone", default="production")
    parser.add_argument("--together", action="store_true", help="all tenants want the same of their StackSet")
    parser.add_argument("--calls", type=int, default=20, help="Identity Center calls a second; AWS allows 20")
    chosen = parser.parse_args()
    options = SimulatorOptions(
        creation_seconds=chosen.creation,
        assignment_seconds=chosen.assignment,
        stack_operation_seconds=chosen.operation,
        lag_seconds=0,
        rates={"sso-admin": chosen.calls, "identitystore": chosen.calls},
    )
    settings = {
        "CONNECTOR_POLL_SECONDS": chosen.poll,
        "CONNECTOR_IDENTITY_CENTER_CALLS_PER_SECOND": str(chosen.calls),
    }
    with tempfile.TemporaryDirectory() as directory:
        found = measure(
            Path(directory), chosen.tenants, options, chosen.workers, chosen.zone, together=chosen.together, **settings
        )
    print(f"one tenant {found.one:.1f} s; {found.tenants} tenants {found.total:.1f} s")
    for limit, seconds in found.work.items():
        print(f"{limit}: {seconds:.1f} s of work")
    print(f"bound {found.bound:.1f} s, by {found.busiest}; ratio {found.ratio:.2f}; throttled {found.throttled}")
    for lane, busy in found.busy.items():
        print(f"{lane}: busy {busy:.0%} of {found.waited[lane]:.1f} s of waiting")


if __name__ == "__main__":
    main()
