"""The Celery app: `celery -A workers.app worker`, `… beat`, `… flower`, `… status`.

Only a worker loads the documents, the tasks and the AWS SDK (workers/celery_worker.py). Whatever else speaks to the
broker needs Redis's address and no more. Settings are read when Celery first asks for them, never at import.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from celery import Celery
from kombu.transport import TRANSPORT_ALIASES

from config.celery import celery_settings
from config.production import check_production
from config.schedule import beat_schedule
from config.settings import SettingsError, load_settings
from workers import signals

CHECKED = "checked-redis"  # shown as the scheme of Redis's address


class ConnectorApp(Celery):  # type: ignore[misc]  # Celery has no types
    """Celery with a worker of ours, which also checks every message that it takes from the queue."""

    @cached_property
    def Worker(self) -> Any:  # noqa: N802  # Celery's own name
        """Return what `celery worker` runs."""
        return self.subclass_with_self("workers.celery_worker:CeleryWorker")

    def connection_for_read(self, url: str | None = None, **options: Any) -> Any:
        """Return the connection from which a worker takes messages; it names itself by Redis's address."""
        TRANSPORT_ALIASES.setdefault(CHECKED, "workers.broker:CheckedTransport")
        return super().connection_for_read(url, **{"transport": CHECKED, **options})


def _configuration() -> dict[str, Any]:
    try:
        settings = load_settings()
        check_production(settings)
    except SettingsError as error:
        raise SystemExit(str(error)) from error  # a sentence for people instead of a stack trace
    ticks = {"beat_schedule": beat_schedule(), "beat_scheduler": "workers.beat:RedisScheduler"}
    return {**celery_settings(settings), **ticks}


app = ConnectorApp("aws-connector")
app.add_defaults(_configuration)
signals.connect()
