"""What stands in Redis right now, for Prometheus: the same from whichever process it is asked.

A look costs one script for 200 tenants and 200 open replications, and some twenty commands besides. Labels are
platforms, states and kinds of lanes, never a tenant or an account.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from importlib.metadata import version

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from config.catalog import Catalog
from config.celery import QUEUE
from tasks.state.counts import DROPPED, REPAIRS
from tasks.state.store import Store

ALIVE = timedelta(seconds=10)  # since a worker's pump looked


class Gauges(Collector):
    """Reads everything anew whenever it is asked; raises redis.RedisError when Redis is away."""

    def __init__(self, store: Store, catalog: Catalog) -> None:
        self._catalog = catalog
        self._store = store
        self._prefix = store.prefix

    def collect(self) -> Iterator[Metric]:
        """Yield every metric."""
        yield InfoMetricFamily("connector_build", "This connector.", {"version": version("meshstack-aws-connector")})
        yield from self._orders()
        yield from self._work()
        yield from self._lanes()
        yield from self._tallies()
        yield from self._rejected()
        yield from self._findings()

    def _orders(self) -> Iterator[Metric]:
        census, now, labels = self._store.census(), datetime.now(UTC), ("platform", "state")
        tenants = _gauge("connector_tenants", "Tenants by the state of their newest replication.", *labels)
        for group, count in sorted(census.tenants.items()):
            tenants.add_metric(group, count)
        still_open = _gauge("connector_open_replications", "Replications that have not ended.", *labels)
        ages = _gauge("connector_oldest_open_seconds", "Age of the oldest order that has not ended.", *labels)
        for group, count in sorted(census.still_open.items()):
            still_open.add_metric(group, count)
            ages.add_metric(group, (now - census.oldest[group]).total_seconds())
        yield from (tenants, still_open, ages)

    def _clock(self) -> int:
        """Redis's clock, in ms: the due index and the places go by it."""
        seconds, micros = self._store.redis.time()
        return int(seconds * 1000 + micros // 1000)

    def _work(self) -> Iterator[Metric]:
        redis, key = self._store.redis, f"{self._prefix}due"
        first: list[tuple[str, float]] = redis.zrange(key, 0, 0, withscores=True)
        late = max(self._clock() - first[0][1], 0) / 1000 if first else 0
        yield _gauge(
            "connector_due_late_seconds", "For how long the next look at a replication is overdue.", value=late
        )
        yield _gauge("connector_queue_messages", "Messages that no worker has taken yet.", value=redis.llen(QUEUE))
        yield _gauge("connector_workers", "Workers that look for work.", value=len(self._store.workers(ALIVE)))

    def _lanes(self) -> Iterator[Metric]:
        """Lanes by kind: all organizations, instances and StackSets together, for the lanes' names hold account ids."""
        lanes: dict[str, str] = self._store.redis.hgetall(f"{self._prefix}lanes")
        now = self._clock()
        with self._store.redis.pipeline(transaction=False) as pipeline:
            for lane in lanes:
                pipeline.zcount(f"{self._prefix}lane:{lane}:holders", now, "+inf")
                pipeline.zcard(f"{self._prefix}lane:{lane}:waiters")
            counts = pipeline.execute()
        places, taken, waiting = Counter[str](), Counter[str](), Counter[str]()
        for lane, holders, waiters in zip(lanes, counts[::2], counts[1::2], strict=True):
            kind = lane.partition(" in ")[0]
            places[kind] += int(lanes[lane])
            taken[kind] += holders
            waiting[kind] += waiters
        yield _by_lane("connector_lane_places", "Places of AWS's limits, or a platform's share of threads.", places)
        yield _by_lane("connector_lane_taken", "Places that are taken.", taken)
        yield _by_lane("connector_lane_waiting", "Replications that wait for a place.", waiting)

    def _tallies(self) -> Iterator[Metric]:
        tallies = self._store.tallies()
        yield CounterMetricFamily(
            "connector_dispatches", "Replications that the pumps have dispatched.", tallies.get("dispatches", 0)
        )
        yield CounterMetricFamily(
            "connector_notifications_dropped", "Messages to people that nobody has taken.", tallies.get(DROPPED, 0)
        )
        repairs = CounterMetricFamily(
            "connector_drift_repairs", "Steps of daily replications that had to write.", labels=("platform",)
        )
        for what in sorted(tallies):
            if what.startswith(REPAIRS):
                repairs.add_metric([what.removeprefix(REPAIRS)], tallies[what])
        yield repairs

    def _rejected(self) -> Iterator[Metric]:
        found = CounterMetricFamily(
            "connector_rejected_messages", "Messages in the queue that were not ours.", labels=("reason",)
        )
        for reason, count in sorted(self._store.rejected().items()):
            found.add_metric([reason], count)
        yield found

    def _findings(self) -> Iterator[Metric]:
        redis, prefix = self._store.redis, self._prefix
        yield _gauge(
            "connector_notifications_waiting",
            "Messages to people that the receiver has not taken yet.",
            value=redis.hlen(f"{prefix}notifications"),
        )
        yield _gauge("connector_paused", "Tenants and platforms that are paused.", value=redis.hlen(f"{prefix}pauses"))
        yield _gauge(
            "connector_drifted_tenants",
            "Tenants that the last daily look found different, repaired or not.",
            value=redis.hlen(f"{prefix}drift"),
        )
        yield _gauge(
            "connector_failing_tenants", "Tenants whose last replication failed.", value=redis.hlen(f"{prefix}failing")
        )
        organizations = {each.management_account_id for each in self._catalog.platforms.values()}
        yield _gauge(
            "connector_unmanaged_accounts",
            "Accounts that no tenant owns.",
            value=sum(redis.hlen(f"{prefix}unmanaged:{organization}") for organization in organizations),
        )


def _by_lane(name: str, meaning: str, values: Mapping[str, int]) -> Metric:
    found = _gauge(name, meaning, "lane")
    for lane, value in sorted(values.items()):
        found.add_metric([lane], value)
    return found


def _gauge(name: str, meaning: str, *labels: str, value: float | None = None) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, meaning, value=value, labels=labels or None)
