"""What beat does: the daily round, the daily look at every organization (tasks/daily), messages to people."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from celery import Celery

from tasks import questions
from tasks.daily.drift_report import ANSWERS
from tasks.daily.round import EVERY, look_at_organizations, replicate_oldest
from tasks.notifications import outbox
from tasks.worker import Worker

REPLICATE = "tenants.replicate_daily"
LOOK = "organizations.look"
NOTIFY = "notifications.deliver"


def schedule() -> dict[str, Any]:
    """Return beat's schedule."""
    # A tick that nobody took within its interval is not made up for: the next one does the same.
    every = {LOOK: EVERY, REPLICATE: EVERY, NOTIFY: outbox.EVERY}
    return {
        name: {"task": name, "schedule": interval, "options": {"expires": interval.total_seconds()}}
        for name, interval in every.items()
    }


def register(app: Celery, connect: Callable[[], Worker]) -> None:
    """Make the Celery tasks that beat sends, and what these ask of other workers."""

    @app.task(name=REPLICATE, shared=False)  # type: ignore[untyped-decorator]  # Celery has no types
    def replicate_daily() -> str:
        return f"{replicate_oldest(connect(), datetime.now(UTC))} tenants enqueued"

    @app.task(name=LOOK, shared=False)  # type: ignore[untyped-decorator]  # Celery has no types
    def look() -> str:
        return f"{look_at_organizations(connect(), datetime.now(UTC))} organizations listed"

    @app.task(name=NOTIFY, shared=False)  # type: ignore[untyped-decorator]  # Celery has no types
    def notify() -> str:
        return f"{outbox.deliver(connect(), datetime.now(UTC))} messages taken"

    questions.register(app, connect, ANSWERS)
