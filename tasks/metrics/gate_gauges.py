"""What AWS refuses to many tenants alike, for Prometheus: since when, and how many wait for it (model/lane.py)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from prometheus_client.core import GaugeMetricFamily, Metric

from config.platform import Platform
from tasks.model.lane import refused_of, sign_in_to
from tasks.state.limits import Limits

LABELS = ("platform", "refused")


def gates(store: Limits, platforms: Mapping[str, Platform], now: datetime) -> Iterator[Metric]:
    """Yield both; the sign-in of every platform shows 0 before anything was refused."""
    waiting = {refused_of(sign_in_to("the management account", name))[::-1]: (0, 0.0) for name in platforms}
    for gate, (since, waits) in store.gates().items():
        what, where = refused_of(gate)
        waiting[_platform(where, platforms), what] = waits, (now - since).total_seconds()
    meaning = "Tenants that wait for what AWS refuses to all."
    number = GaugeMetricFamily("connector_refused_waiting", meaning, labels=LABELS)
    meaning = "For how long AWS has refused it; 0: it does not."
    seconds = GaugeMetricFamily("connector_refused_seconds", meaning, labels=LABELS)
    for labels, (count, age) in sorted(waiting.items()):
        number.add_metric(labels, count)
        seconds.add_metric(labels, max(age, 0.0))
    yield number
    yield seconds


def _platform(where: str, platforms: Mapping[str, Platform]) -> str:
    """Name the platform of a gate; of a quota the first of its organization, for no label is an account."""
    return next((name for name in sorted(platforms) if where in (name, platforms[name].management_account_id)), "")
