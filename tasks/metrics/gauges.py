"""What stands in Redis right now, for Prometheus: the same from whichever process it is asked.

A look costs as many commands for many tenants as for few. Labels are
platforms, states and kinds of lanes, never a tenant or an account.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from importlib.metadata import version

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from config.catalog import Catalog
from config.celery import QUEUE
from tasks.state.counts import COST_PAGES, DISPATCHES, DROPPED, REPAIRS, Rejection
from tasks.state.records import TenantRecord
from tasks.state.store import Store

ALIVE = timedelta(seconds=10)  # since a worker's pump looked


StillIn = Callable[[TenantRecord, Catalog], Collection[str]]
"""Names the people of a tenant who have access against its newest order: tasks/orders/withdrawn.py."""


class Gauges(Collector):
    """Reads everything anew whenever it is asked; raises redis.RedisError when Redis is away."""

    def __init__(self, store: Store, catalog: Catalog, still_in: StillIn) -> None:
        self._catalog = catalog
        self._store = store
        self._still_in = still_in

    def collect(self) -> Iterator[Metric]:
        """Yield every metric."""
        yield InfoMetricFamily("connector_build", "This connector.", {"version": version("meshstack-aws-connector")})
        yield from self._orders()
        yield from self._work()
        yield from self._lanes()
        yield from self._counts()
        yield from self._rejected()
        yield from self._findings()
        yield self._withdrawn()

    def _withdrawn(self) -> Metric:
        """Count people who are to go; only tenants whose order has not yet seen to that can have some."""
        found = _gauge("connector_withdrawn_people", "People without an order who still have access.", "platform")
        people = Counter(dict.fromkeys(self._catalog.platforms, 0))
        for name in self._store.work.withdrawing():
            record = self._store.tenants.find(name)
            if record is not None:
                people[name.platform] += len(self._still_in(record, self._catalog))
        for platform, count in sorted(people.items()):
            found.add_metric([platform], count)
        return found

    def _orders(self) -> Iterator[Metric]:
        census, now, labels = self._store.registry.census(), datetime.now(UTC), ("platform", "state")
        tenants = _gauge("connector_tenants", "Tenants by the state of their newest replication.", *labels)
        for group, count in sorted(census.tenants.items()):
            tenants.add_metric(group, count)
        still_open = _gauge("connector_open_replications", "Replications that have not ended.", *labels)
        ages = _gauge("connector_oldest_open_seconds", "Age of the oldest order that has not ended.", *labels)
        for group, count in sorted(census.still_open.items()):
            still_open.add_metric(group, count)
            ages.add_metric(group, (now - census.oldest[group]).total_seconds())
        yield from (tenants, still_open, ages)

    def _work(self) -> Iterator[Metric]:
        work = self._store.work
        late = work.overdue().total_seconds()
        yield _gauge(
            "connector_due_late_seconds", "For how long the next look at a replication is overdue.", value=late
        )
        yield _gauge("connector_queue_messages", "Messages that no worker has taken yet.", value=work.queued(QUEUE))
        yield _gauge("connector_workers", "Workers that look for work.", value=len(work.workers(ALIVE)))
        yield _gauge(
            "connector_beat_last_tick_timestamp_seconds",
            "When a beat last took something to send; 0: never.",
            value=self._store.ticks.last(),
        )

    def _lanes(self) -> Iterator[Metric]:
        """Lanes by kind: all organizations, instances and StackSets together, for the lanes' names hold account ids."""
        places, taken, waiting = Counter[str](), Counter[str](), Counter[str]()
        for lane, usage in self._store.limits.usage().items():
            kind = lane.partition(" in ")[0]
            places[kind] += usage.places
            taken[kind] += usage.taken
            waiting[kind] += usage.waiting
        yield _by_lane("connector_lane_places", "Places of AWS's limits, or a platform's share of threads.", places)
        yield _by_lane("connector_lane_taken", "Places that are taken.", taken)
        yield _by_lane("connector_lane_waiting", "Replications that wait for a place.", waiting)

    def _counts(self) -> Iterator[Metric]:
        counts = self._store.counts.all()
        yield CounterMetricFamily(
            "connector_dispatches", "Replications that the pumps have dispatched.", counts.get(DISPATCHES, 0)
        )
        yield CounterMetricFamily(
            "connector_notifications_dropped", "Messages to people that nobody has taken.", counts.get(DROPPED, 0)
        )
        repairs = CounterMetricFamily(
            "connector_drift_repairs", "Steps of daily replications that had to write.", labels=("platform",)
        )
        for platform, times in _by_platform(counts, REPAIRS, self._catalog.platforms):
            repairs.add_metric([platform], times)
        yield repairs
        spent = CounterMetricFamily(
            "connector_metering_dollars", "What questions about costs have cost.", labels=("platform",)
        )
        metered = [name for name, platform in self._catalog.platforms.items() if platform.metering is not None]
        for platform, pages in _by_platform(counts, COST_PAGES, metered):
            spent.add_metric([platform], pages / 100)
        yield spent

    def _rejected(self) -> Iterator[Metric]:
        found = CounterMetricFamily(
            "connector_rejected_messages", "Messages in the queue that were not ours.", labels=("reason",)
        )
        counted = self._store.counts.rejected()
        for reason in sorted({*Rejection, *counted}):
            found.add_metric([reason], counted.get(reason, 0))
        yield found

    def _findings(self) -> Iterator[Metric]:
        store = self._store
        yield _gauge(
            "connector_notifications_waiting",
            "Messages to people that the receiver has not taken yet.",
            value=store.outbox.number(),
        )
        yield _gauge("connector_paused", "Tenants and platforms that are paused.", value=store.pauses.number())
        yield _gauge(
            "connector_drifted_tenants",
            "Tenants that the last daily look found different, repaired or not.",
            value=store.drifts.number(),
        )
        yield _gauge(
            "connector_failing_tenants", "Tenants whose last replication failed.", value=store.retries.number()
        )
        organizations = {each.management_account_id for each in self._catalog.platforms.values()}
        yield _gauge(
            "connector_unmanaged_accounts",
            "Accounts that no tenant owns.",
            value=store.unmanaged.number(organizations),
        )


def _by_platform(counts: Mapping[str, int], what: str, platforms: Iterable[str]) -> list[tuple[str, int]]:
    counted = {name.removeprefix(what): times for name, times in counts.items() if name.startswith(what)}
    return sorted({**dict.fromkeys(platforms, 0), **counted}.items())


def _by_lane(name: str, meaning: str, values: Mapping[str, int]) -> Metric:
    found = _gauge(name, meaning, "lane")
    for lane, value in sorted(values.items()):
        found.add_metric([lane], value)
    return found


def _gauge(name: str, meaning: str, *labels: str, value: float | None = None) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, meaning, value=value, labels=labels or None)
