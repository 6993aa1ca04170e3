"""What our processes show to Prometheus before anything has happened: names, labels, and values of labels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from prometheus_client import CollectorRegistry, Metric, ProcessCollector

from tasks.metrics.gauges import Gauges
from tasks.orders.withdrawn import still_in
from tasks.worker import Worker
from tests.support.redis import CheckedRedis
from tests.workers.api.server import make
from workers.runner.metrics import RunMetrics

RUNNER = "1b4e28ba-2fa1-11d2-883f-0016d3cca427"
OF_PROMETHEUS = frozenset({"job", "instance"})  # what it adds to whatever it scrapes
ENDINGS = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum"), "info": ("_info",)}


@dataclass
class Series:
    """What is known of one name."""

    labels: frozenset[str]
    values: dict[str, set[str]] = field(default_factory=dict)  # by label, as far as they are known ahead


def exposed() -> dict[str, Series]:
    """Ask an API, a worker and a runner that nobody has used yet."""
    found: dict[str, Series] = {}
    with CheckedRedis() as redis:
        connector = make(redis.url)
        shared = CollectorRegistry()
        shared.register(Gauges(connector.store, connector.catalog, still_in, connector.settings.pump_interval))
        registries = (shared, Worker.of(connector).counters.registry, RunMetrics(RUNNER).registry)
        ProcessCollector(registry=registries[1])
        for registry in registries:
            for source in registry._collector_to_names:
                for metric in source.collect():
                    _add(found, metric, _labels_of(source, metric))
        connector.store.close()
    return found


def _labels_of(source: Any, metric: Metric) -> Iterable[str]:
    """Name the labels of a metric also where it has no sample yet."""
    of_metric: Iterable[str] = getattr(metric, "_labelnames", ())
    of_source: Iterable[str] = getattr(source, "_labelnames", ())
    return of_metric or of_source


def _add(found: dict[str, Series], metric: Metric, labels: Iterable[str]) -> None:
    for name in _names(metric):
        buckets = {"le"} if name.endswith("_bucket") else set()
        series = found.setdefault(name, Series(frozenset({*labels, *buckets, *OF_PROMETHEUS})))
        for sample in metric.samples:
            if sample.name == name:
                series.labels |= frozenset(sample.labels)
                for label, value in sample.labels.items():
                    series.values.setdefault(label, set()).add(value)


def _names(metric: Metric) -> Iterator[str]:
    yield from (f"{metric.name}{ending}" for ending in ENDINGS.get(metric.type, ("",)))
