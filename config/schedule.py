"""What beat sends: the name of each Celery task, and how often.

It stands here and not with the tasks, so that beat need not import what they do.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from config.celery import PULLS, TICKS

REPLICATE = "tenants.replicate_daily"
LOOK = "organizations.look"
NOTIFY = "notifications.deliver"
COLLECT = "metering.collect"
RESUME = "metering.resume"
PULL = "meshstack.pull"
SEND = "meshstack.send_usage_reports"

EVERY = {
    LOOK: timedelta(minutes=5),
    REPLICATE: timedelta(minutes=5),
    NOTIFY: timedelta(seconds=20),
    COLLECT: timedelta(minutes=5),
    RESUME: timedelta(seconds=10),
    PULL: timedelta(seconds=15),
    SEND: timedelta(minutes=10),
}


def options(name: str) -> dict[str, Any]:
    """Return how a tick is sent. One that nobody takes within its interval is gone: the next one does the same.

    >>> [options(name)["priority"] for name in (PULL, LOOK)]
    [3, 6]
    """
    return {"expires": EVERY[name].total_seconds(), "priority": PULLS if name == PULL else TICKS}


def beat_schedule(*, pull: bool = False, send: bool = False) -> dict[str, Any]:
    """Return the schedule as Celery wants it.

    pull   also look at meshStack's tenants
    send   also send usage reports to meshStack
    """
    unused = {*(() if pull else (PULL,)), *(() if send else (SEND,))}
    return {
        name: {"task": name, "schedule": interval, "options": options(name)}
        for name, interval in EVERY.items()
        if name not in unused
    }
