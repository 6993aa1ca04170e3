"""What beat does: the daily round, and the daily look at every organization (`tasks/daily.py`)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from celery import Celery

from tasks import errands
from tasks.connector import Connector
from tasks.daily import EVERY, look_at_organizations, replicate_oldest
from tasks.drift_report import ANSWERS

REPLICATE = "tenants.replicate_daily"
LOOK = "organizations.look"


def schedule() -> dict[str, Any]:
    """Return beat's schedule."""
    # A tick that nobody took within its interval is not made up for: the next one does the same.
    every = {"schedule": EVERY, "options": {"expires": EVERY.total_seconds()}}
    return {name: {"task": name, **every} for name in (LOOK, REPLICATE)}


def register(app: Celery, connector: Callable[[], Connector]) -> None:
    """Make the Celery tasks that beat sends, and what these ask of other workers."""

    @app.task(name=REPLICATE)  # type: ignore[untyped-decorator]  # Celery has no types
    def replicate_daily() -> str:
        return f"{replicate_oldest(connector(), datetime.now(UTC))} tenants enqueued"

    @app.task(name=LOOK)  # type: ignore[untyped-decorator]  # Celery has no types
    def look() -> str:
        return f"{look_at_organizations(connector(), datetime.now(UTC))} organizations listed"

    errands.register(app, connector, ANSWERS)
