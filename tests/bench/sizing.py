"""docs/sizing.md, made of what was measured: `make bench` writes it, and `python -m tests.bench.sizing` alone."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.bench.figure import Results
from tests.bench.scale import CENTER_CALLS, CENTER_RATE, COMMANDS, CPU, CREATION_SECONDS, CREATIONS, DAY, SETTLED

STORED = Path(__file__).parents[2] / "docs" / "benchmarks.json"
MEMORY = "memory of a worker after 192 accounts, 8 threads"
ORDERS = "orders through one API process, 16 at once"
RESUMED = "after kill -9 a worker's replication has ended, lease 6 s"
SIZES = (100, 1_000, 10_000, 100_000)
THREADS = 32  # of one worker: CONNECTOR_WORKER_CONCURRENCY
BUSY = 0.75  # of its threads: from there on there should be another worker
BASE = 128  # MB of Redis without a tenant
SPARE = 2  # times: Redis needs as much again while it writes its file anew


def page(results: Results) -> str:
    """Write the page."""
    value = {name: figure.value for name, figure in results.figures.items()}
    rows = "\n".join(f"| {' | '.join(row)} |" for row in _rows(value))
    busy = THREADS * BUSY
    hour = CREATIONS * 3600 // CREATION_SECONDS
    return f"""# Sizing

<!-- Made by `python -m tests.bench.sizing > docs/sizing.md`. -->

This page tells you how many workers and how much memory you need. The numbers are computed from the
[benchmarks](benchmarks.md), which were measured on a small machine with a simulated AWS: start with them, and watch
the [metrics](metrics.md).

## Start with this

| process | how many | CPU, memory of each |
|---|---|---|
| API | 2 | 0.1 cores, 256 MB |
| worker, {THREADS} threads | 2 | 0.25 cores, 512 MB |
| beat | 1 | 0.02 cores, 128 MB |
| Flower | 1, or none | 0.02 cores, 256 MB |
| runner, with meshStack | 1 | 0.05 cores, 256 MB |
| Redis | 1, with a reliable disk | see below |

That is enough for most organizations, because AWS sets the pace, not the workers. AWS creates about {hour}
accounts an hour in an organization ({CREATIONS} at once, {CREATION_SECONDS // 60} minutes each). Its Identity
Center accepts {CENTER_RATE} calls a second. You need two workers so that one can die: the other one continues
its work after a few seconds ({value[RESUMED]:.0f} s, measured from a `kill -9` to the end of the replication).

## By the number of accounts

These numbers are for one organization. With more organizations, divide the last column by their number, because
AWS counts its limits for each.

| accounts | Redis, memory | Redis, commands a second | worker CPU, all day | daily replication takes at least |
|---|---|---|---|---|
{rows}

- **Redis memory** is {value[SETTLED]:.0f} kB for each tenant, most of it events, and {BASE} MB for the rest;
  times {SPARE}, because Redis needs room while it rewrites its file. Add 1 kB for each write to AWS in the
  last 90 days, for the [audit log](operations.md#audit-log). Fewer events (`CONNECTOR_EVENT_HISTORY`) need
  less.
- **A worker** needs {value[MEMORY]:.0f} MB with 8 threads. Accounts that wait cost it nothing.
- **An API process** accepts {value[ORDERS]:.0f} orders a second. Run two so that you can replace one.

## When to add a worker

Check `connector_threads_wanted`: the threads that replications use or wait for. Divide it by {busy:.0f}
({BUSY:.0%} of {THREADS} threads) to get the number of workers. It is high for a short time after a
[rollout](configuration.md#rolling-a-change-out) to many tenants, and low for the rest of the day, so let
[KEDA](kubernetes.md#more-load) follow it.

If `connector_due_late_seconds` stays above some seconds, there are too few workers. If it is near 0 and orders
still take long, more workers do not help: `connector_lane_waiting` and `aws-connector status` say which limit
of AWS holds them up. AWS can raise many limits; then configure the new value ([limits](limits.md)).

Add threads (`CONNECTOR_WORKER_CONCURRENCY`) as long as the worker's CPU is not busy, and workers after that:
Python uses one core in each process.
"""


def _rows(value: dict[str, float]) -> Iterator[tuple[str, ...]]:
    for accounts in SIZES:
        memory = (BASE + accounts * value[SETTLED] / 1000) * SPARE
        yield (
            f"{accounts:,}",
            f"{math.ceil(memory / 100) / 10:.1f} GB",
            f"{math.ceil(accounts * value[COMMANDS] / DAY)}",
            f"{accounts * value[CPU] / 1000 / DAY:.4f}".rstrip("0").rstrip(".") + " cores",
            _time(accounts * CENTER_CALLS / CENTER_RATE),
        )


def _time(seconds: float) -> str:
    """Write a time as people say it.

    >>> _time(25), _time(600), _time(25_000)
    ('25 s', '10 min', '6.9 h')
    """
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


if __name__ == "__main__":
    sys.stdout.write(page(Results.read(STORED)))
