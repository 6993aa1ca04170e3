"""How many threads of workers are wanted right now: what workers are scaled by.

The length of the queue says nothing: the pumps keep it short, and a backlog waits in the due index. What waits for AWS,
for a place in one of its limits or for a person wants no thread, so that waiting starts no worker.
"""

from __future__ import annotations

from prometheus_client.core import GaugeMetricFamily, Metric

from tasks.state.store import Store

THREADS = "threads of "  # how tasks/state/lua/shared/threads.lua calls the lane of a platform's threads


def threads_wanted(store: Store) -> Metric:
    """Count the replications that have a thread, are in line for one, or are due and not taken yet."""
    lanes = (usage for lane, usage in store.limits.usage().items() if lane.startswith(THREADS))
    wanted = sum(each.taken + each.waiting for each in lanes) + store.work.due()
    meaning = "Threads of workers that replications use or wait for."
    return GaugeMetricFamily("connector_threads_wanted", meaning, value=wanted)
