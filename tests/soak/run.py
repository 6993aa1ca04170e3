"""One soak, from the start of the cluster to the figures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from threading import Thread
from time import monotonic

from tasks.model.replication import ENDED
from tests.soak.chaos import FAULTS, Chaos, failing_calls
from tests.soak.load import Producer
from tests.soak.others import Others
from tests.soak.report import Figures
from tests.soak.verdict import left_behind, lost, wrong_tenants
from tests.soak.watch import Watcher
from tests.support.cluster import QUICK, Cluster, running_cluster
from tests.support.waiting import eventually
from workers.sandbox.aws.options import SimulatorOptions

PRODUCERS = 4
CREATION_SECONDS = 2.0
DRAIN_SECONDS = 300.0  # after the last order, beside the creations that still wait: five at a time


@dataclass(frozen=True)
class Plan:
    """How long and how much."""

    seconds: float = 600
    tenants: int = 200
    workers: int = 4
    kill_every: float = 5
    restart_every: float = 60  # sooner in a short soak, so that there is one
    pause: float = 4.0  # seconds between two orders of one producer: what Identity Center's 20 calls a second allow

    @property
    def frozen(self) -> float:
        """How long Redis is unreachable: 60 s in ten minutes."""
        return min(60.0, self.seconds / 10)


def soak(plan: Plan, directory: Path) -> Figures:
    """Run it and answer what was counted and what is wrong."""
    usual = SimulatorOptions().lag_seconds
    options = QUICK.model_copy(
        update={"creation_seconds": CREATION_SECONDS, "latency_seconds": 0.01, "lag_seconds": usual}
    )
    with running_cluster(directory, plan.workers, options, forked=False) as cluster:
        others = Others(cluster)
        others.start()
        began = monotonic()
        cluster.simulator.inject(*failing_calls())
        restart_every = min(plan.restart_every, plan.seconds / 3)
        chaos = Chaos(cluster, others, plan.seconds, plan.kill_every, restart_every, plan.frozen)
        producers = _producers(others, plan)
        watcher = Watcher(cluster.simulator, chaos, producers)
        with _running([watcher]):
            with _running(producers):
                chaos.run()
            quiet = monotonic()
            accepted = {name: at for producer in producers for name, at in producer.accepted.items()}
            drain = DRAIN_SECONDS + plan.tenants / 5 * CREATION_SECONDS
            stuck = [*_drain(cluster, accepted, drain), *others.ended()]
        return _figures(plan, cluster, chaos, producers, watcher, stuck, (quiet - began, monotonic() - quiet))


def _producers(others: Others, plan: Plan) -> list[Producer]:
    projects = [f"p{number}" for number in range(plan.tenants)]
    return [
        Producer(others.client(), projects[index::PRODUCERS], plan.seconds, plan.pause, index)
        for index in range(PRODUCERS)
    ]


@contextmanager
def _running(threads: Sequence[Producer | Watcher]) -> Iterator[None]:
    """Run producers or watchers beside the block; afterwards each has sent its last order, or looked."""
    started: list[Thread] = []
    try:
        started += [each.start() for each in threads]
        yield
    finally:
        for each, thread in zip(threads, started, strict=False):
            each.stop()
            thread.join()
    for each in threads:
        if each.crash is not None:
            raise each.crash


def _drain(cluster: Cluster, accepted: dict[str, float], seconds: float) -> Iterator[str]:
    """Wait until everything accepted has ended."""
    open_ones = set(accepted)

    def all_ended() -> bool:
        for replication in list(open_ones):
            found = cluster.connector.store.replications.find(replication)
            if found is None or found.state in ENDED:
                open_ones.discard(replication)
        return not open_ones and cluster.redis.client.zcard("connector:due") == 0

    try:
        eventually(all_ended, seconds, every=0.5)
    except AssertionError:
        yield f"{len(open_ones)} replications had not ended {seconds:.0f} s after the last order"


def _figures(
    plan: Plan,
    cluster: Cluster,
    chaos: Chaos,
    producers: list[Producer],
    watcher: Watcher,
    stuck: list[str],
    times: tuple[float, float],
) -> Figures:
    struck = sum(rule["struck"] for rule in cluster.simulator.clear_faults())
    state, counts = cluster.simulator.state(), cluster.simulator.counts()
    latest = {project: content for producer in producers for project, content in producer.latest.items()}
    accepted = {name: at for producer in producers for name, at in producer.accepted.items()}
    gone, wrong, left = [*lost(cluster, accepted)], [*wrong_tenants(state, latest)], [*left_behind(cluster)]
    peak = state["creations"]["in_flight_peak"]
    over = [f"{peak} account creations were in flight"] if peak > 5 else []
    waits = _seconds_to_end(cluster, accepted)
    rows = [
        ("time of faults, then until all had ended", f"{times[0]:.0f} s, {times[1]:.0f} s"),
        ("tenants, workers, producers", f"{len(latest)}, {plan.workers}, {len(producers)}"),
        ("orders accepted by the API (sent again while Redis was away, the API was)", _orders(producers)),
        ("replications (the others were coalesced)", str(len(accepted))),
        ("kill -9", ", ".join(f"{number} of {name}" for name, number in chaos.kills.items())),
        ("restarts, freezes of Redis", f"{chaos.restarts}, {chaos.freezes} of {plan.frozen:.0f} s"),
        ("AWS calls, of them made to fail", f"{counts.calls}, {struck} in {len(FAULTS)} ways"),
        ("order to end, median, 95 %, longest", ", ".join(f"{wait:.1f} s" for wait in waits)),
        ("most account creations in flight", str(peak)),
        ("lost or not succeeded", str(len(gone))),
        ("tenants with another number of accounts than one", str(sum("accounts" in each for each in wrong))),
        ("tenants with wrong access rights", str(sum("access rights" in each for each in wrong))),
        ("looks at who may be in which account, one a second", str(watcher.looks)),
        ("people who had what no order gives", str(len(watcher.strange))),
        ("people who had it still after the order that takes it away: median, 95 %, longest", watcher.row()),
        ("left in Redis", str(len(left))),
    ]
    return Figures(rows, [*stuck, *gone, *wrong, *left, *over, *sorted(watcher.strange)])


def _orders(producers: list[Producer]) -> str:
    orders, refused = sum(each.orders for each in producers), sum(each.refused for each in producers)
    return f"{orders} ({refused}, {sum(each.unanswered for each in producers)})"


def _seconds_to_end(cluster: Cluster, accepted: dict[str, float]) -> tuple[float, float, float]:
    """Return median, 95th percentile and maximum of the time from the request to the end."""
    found = filter(None, map(cluster.connector.store.replications.find, accepted))
    times = [(each.ended_at - each.requested_at).total_seconds() for each in found if each.ended_at]
    cuts = quantiles(times, n=20, method="inclusive")
    return cuts[9], cuts[18], max(times)
