"""What beat does: once a day every tenant is replicated again, so that AWS stays as ordered.

The task only puts tenants into the due index. It may run twice, or in two beats at once: a tenant that is under way is
left alone.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import structlog
from celery import Celery

from tasks.connector import Connector
from tasks.replicate import RequestRefused, replicate_again

EVERY = timedelta(minutes=5)
NAME = "tenants.replicate_daily"
BATCH = 50  # tenants at once, so that 10,000 are spread over the day and people's orders are not behind all of them
log = structlog.get_logger(__name__)


def schedule() -> dict[str, Any]:
    """Return beat's schedule."""
    # A tick that nobody took within its interval is not made up for: the next one does the same.
    return {NAME: {"task": NAME, "schedule": EVERY, "options": {"expires": EVERY.total_seconds()}}}


def register(app: Celery, connector: Callable[[], Connector]) -> None:
    """Make the Celery tasks that beat sends."""

    @app.task(name=NAME)  # type: ignore[untyped-decorator]  # Celery has no types
    def replicate_daily() -> str:
        return f"{replicate_oldest(connector())} tenants enqueued"


def replicate_oldest(house: Connector) -> int:
    """Enqueue the tenants whose last replication ended too long ago, oldest first; answers how many."""
    enqueued = 0
    for tenant in house.store.idle(house.settings.replication_interval_seconds, BATCH):
        record = house.store.tenant(tenant)
        if record is None:
            continue
        try:
            replicate_again(record, house, wake=False)
            enqueued += 1
        except RequestRefused as error:  # its platform or landing zone is gone: one tenant never stops the others
            log.warning("a tenant cannot be replicated any more", tenant=str(tenant), error=str(error))
        # Not only at its end: tenants that wait for long would fill every batch, and the others never came.
        house.store.postpone(tenant)
    return enqueued
