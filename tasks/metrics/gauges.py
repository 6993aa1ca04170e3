"""What stands in Redis right now, for Prometheus: the same from whichever process it is asked.

A look costs as many commands for many tenants as for few. Labels are platforms, states, codes of errors and kinds of
limits, never a tenant or an account. Every series that can be known ahead is shown, as 0 before anything has happened.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from itertools import product
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from config.catalog import Catalog
from config.celery import QUEUES
from tasks.metrics.demand import threads_wanted
from tasks.metrics.gate_gauges import gates
from tasks.metrics.limit_gauges import limits
from tasks.model.replication import State
from tasks.state.census import DELETED, PAUSED, WHERE
from tasks.state.counts import COST_PAGES, DISPATCHES, DROPPED, REPAIRS, Rejection
from tasks.state.records import TenantRecord
from tasks.state.runs import AWAKE
from tasks.state.store import Store
from tasks.state.work import alive_within

PAUSES = ("tenant", "platform")
FOUND = {True: "differs", False: "repaired"}


StillIn = Callable[[TenantRecord, Catalog], Collection[str]]
"""Names the people of a tenant who have access against its newest order: tasks/orders/withdrawn.py."""


class Gauges(Collector):
    """Reads everything anew whenever it is asked; raises redis.RedisError when Redis is away."""

    def __init__(self, store: Store, catalog: Catalog, still_in: StillIn, pump_interval: timedelta) -> None:
        self._catalog = catalog
        self._alive = alive_within(pump_interval)
        self._store = store
        self._still_in = still_in

    def collect(self) -> Iterator[Metric]:
        """Yield every metric."""
        yield InfoMetricFamily("connector_build", "This connector.", {"version": version("meshstack-aws-connector")})
        yield from self._orders()
        yield self._withdrawn()
        yield from self._work()
        yield threads_wanted(self._store)
        yield from limits(self._store.limits, self._catalog.platforms, datetime.now(UTC))
        yield from gates(self._store.limits, self._catalog.platforms, datetime.now(UTC))
        yield from self._counts()
        yield from self._found()
        yield from self._runs()

    def _orders(self) -> Iterator[Metric]:
        census, now, platforms = self._store.registry.census(), datetime.now(UTC), sorted(self._catalog.platforms)
        zero = dict.fromkeys(product(platforms, (*State, DELETED)), 0)
        yield _gauges(
            "connector_tenants",
            "Tenants by the state of their newest replication.",
            ("platform", "state"),
            {**zero, **census.tenants},
        )
        yield _gauges(
            "connector_failed_tenants",
            "Tenants whose newest replication failed, by the code of its error.",
            ("platform", "code"),
            census.failed,
        )
        zero = dict.fromkeys(product(platforms, (*WHERE, PAUSED)), 0)
        yield _gauges(
            "connector_open_replications",
            "Replications that have not ended.",
            ("platform", "state"),
            {**zero, **census.still_open},
        )
        ages = {group: (now - since).total_seconds() for group, since in census.oldest.items()}
        yield _gauges(
            "connector_oldest_open_seconds",
            "Age of the oldest order that has not ended; 0: there is none.",
            ("platform", "state"),
            {**zero, **ages},
        )

    def _withdrawn(self) -> Metric:
        """Count people who are to go; only tenants whose order has not yet seen to that can have some."""
        people = Counter(dict.fromkeys(self._catalog.platforms, 0))
        for name in self._store.work.withdrawing():
            record = self._store.tenants.find(name)
            if record is not None:
                people[name.platform] += len(self._still_in(record, self._catalog))
        return _by_one(
            "connector_withdrawn_people", "People without an order who still have access.", "platform", people
        )

    def _work(self) -> Iterator[Metric]:
        work = self._store.work
        late = work.overdue().total_seconds()
        yield _gauge("connector_due_late_seconds", "How long the next check of a replication is overdue.", late)
        yield _gauge("connector_queue_messages", "Messages that no worker has taken yet.", work.queued(*QUEUES))
        yield _gauge("connector_workers", "Workers that are online.", len(work.workers(self._alive)))
        yield _gauge(
            "connector_beat_last_tick_timestamp_seconds",
            "When a beat last took something to send; 0: never.",
            self._store.ticks.last(),
        )
        last = self._store.daily_rounds.last()
        yield _gauge(
            "connector_daily_round_last_end_timestamp_seconds",
            "When the daily replications last left no tenant due; 0: never.",
            0 if last is None else last.timestamp(),
        )

    def _counts(self) -> Iterator[Metric]:
        counts = self._store.counts.all()
        yield CounterMetricFamily(
            "connector_dispatches", "Replications that the pumps have dispatched.", counts.get(DISPATCHES, 0)
        )
        yield CounterMetricFamily(
            "connector_notifications_dropped", "Messages to people that nobody has taken.", counts.get(DROPPED, 0)
        )
        repairs = _by_platform(counts, REPAIRS, self._catalog.platforms)
        yield _counted("connector_drift_repairs", "Steps of daily replications that had to write.", "platform", repairs)
        metered = [name for name, platform in self._catalog.platforms.items() if platform.metering is not None]
        dollars = {name: pages / 100 for name, pages in _by_platform(counts, COST_PAGES, metered).items()}
        yield _counted("connector_metering_dollars", "What questions about costs have cost.", "platform", dollars)
        rejected: dict[str, int] = {**dict.fromkeys(Rejection, 0), **self._store.counts.rejected()}
        yield _counted(
            "connector_rejected_messages", "Messages in the queue that the connector did not send.", "reason", rejected
        )

    def _found(self) -> Iterator[Metric]:
        store, platforms = self._store, sorted(self._catalog.platforms)
        yield _gauge(
            "connector_notifications_waiting",
            "Messages to people that the receiver has not taken yet.",
            store.outbox.number(),
        )
        paused = Counter(PAUSES[name in self._catalog.platforms] for name in store.pauses.all())
        yield _by_one(
            "connector_paused", "What is paused, by what it is.", "kind", {**dict.fromkeys(PAUSES, 0), **paused}
        )
        drifts = {(platform, FOUND[differs]): number for (platform, differs), number in store.drifts.numbers().items()}
        yield _gauges(
            "connector_drifted_tenants",
            "Tenants that differed from their orders in the last daily replication.",
            ("platform", "found"),
            {**dict.fromkeys(product(platforms, FOUND.values()), 0), **drifts},
        )
        yield _gauge("connector_failing_tenants", "Tenants whose last replication failed.", store.retries.number())
        organizations = {each.management_account_id for each in self._catalog.platforms.values()}
        yield _gauge(
            "connector_unmanaged_accounts", "Accounts that no tenant owns.", store.unmanaged.number(organizations)
        )

    def _runs(self) -> Iterator[Metric]:
        runs = self._store.runs
        yield _gauge("connector_runners", "Runners that look for meshStack's runs.", len(runs.runners(AWAKE)))
        yield _gauge("connector_runs_open", "Runs of meshStack that have not ended.", runs.number())


def _by_platform(counts: Mapping[str, int], what: str, platforms: Iterable[str]) -> dict[str, int]:
    counted = {name.removeprefix(what): times for name, times in counts.items() if name.startswith(what)}
    return {**dict.fromkeys(platforms, 0), **counted}


def _gauge(name: str, meaning: str, value: float) -> Metric:
    return GaugeMetricFamily(name, meaning, value=value)


def _by_one(name: str, meaning: str, label: str, values: Mapping[str, float]) -> Metric:
    return _gauges(name, meaning, (label,), {(key,): value for key, value in values.items()})


def _gauges(name: str, meaning: str, labels: Iterable[str], values: Mapping[Any, float]) -> Metric:
    found = GaugeMetricFamily(name, meaning, labels=tuple(labels))
    for group, value in sorted(values.items()):
        found.add_metric(group, value)
    return found


def _counted(name: str, meaning: str, label: str, values: Mapping[Any, float]) -> Metric:
    found = CounterMetricFamily(name, meaning, labels=(label,))
    for each, value in sorted(values.items()):
        found.add_metric([each], value)
    return found
