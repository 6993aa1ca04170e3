"""AWS's limits right now, for Prometheus: who holds places, who waits for one and for how long, what is used of each.

All organizations, instances and StackSets of a kind together, because the limits' names hold account ids.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from prometheus_client.core import GaugeMetricFamily, Metric

from tasks.model.lane import Calls, Lane, kind_of
from tasks.state.limits import Limits


def limits(store: Limits, platforms: Iterable[str], now: datetime) -> Iterator[Metric]:
    """Yield what each kind of limit shows; kinds that nobody has used yet show 0, and the whole of their limit."""
    lanes = [*Lane, *(f"threads of {platform}" for platform in platforms)]
    places, taken, waiting, longest = (Counter[str](dict.fromkeys(lanes, 0)) for _ in range(4))
    for lane, usage in store.usage().items():
        kind = kind_of(lane)
        places[kind] += usage.places
        taken[kind] += usage.taken
        waiting[kind] += usage.waiting
        if usage.waiting_since is not None:
            longest[kind] = max(longest[kind], round((now - usage.waiting_since).total_seconds()))
    yield _gauge("connector_lane_places", "Places of AWS's limits, or a platform's share of threads.", "lane", places)
    yield _gauge("connector_lane_taken", "Places that are taken.", "lane", taken)
    yield _gauge("connector_lane_waiting", "Replications that wait for a place.", "lane", waiting)
    yield _gauge("connector_lane_longest_wait_seconds", "How long the first in line has waited.", "lane", longest)
    shares = dict.fromkeys((*lanes, *Calls), 1.0)
    for limit, share in store.shares().items():
        shares[kind_of(limit)] = min(share, shares.get(kind_of(limit), 1))
    meaning = "How much of a limit is used, as AWS has refused lately; 1: all of it."
    yield _gauge("connector_limit_used_ratio", meaning, "limit", shares)


def _gauge(name: str, meaning: str, label: str, values: Mapping[str, float]) -> Metric:
    found = GaugeMetricFamily(name, meaning, labels=(label,))
    for each, value in sorted(values.items()):
        found.add_metric([each], value)
    return found
