"""The Celery app: `celery -A workers.app worker`, `… beat`, `… flower`, `… status`.

Only a worker loads the documents, the tasks and the AWS SDK (workers/celery_worker.py). Whatever else speaks to the
broker needs Redis's address and no more. Settings are read when Celery first asks for them, never at import.
"""

from __future__ import annotations

import os
import sys
from functools import cached_property
from typing import Any

from celery import Celery
from kombu.transport import TRANSPORT_ALIASES

from config.celery import celery_settings
from config.environment import SettingsError, load_settings
from config.production import check_production
from config.schedule import beat_schedule
from workers import flower, signals

FLOWER = "flower" in sys.argv and "--help" not in sys.argv
TRANSPORTS = {  # scheme of Redis's address: what speaks to it, loaded when it is needed
    "redis": "workers.broker:Transport",
    "rediss": "workers.broker:Transport",
    "sentinel": "workers.broker:SentinelTransport",
}


class ConnectorApp(Celery):  # type: ignore[misc]  # Celery has no types
    """Celery with a worker of ours."""

    @cached_property
    def Worker(self) -> Any:  # noqa: N802  # Celery's own name
        """Return what `celery worker` runs."""
        return self.subclass_with_self("workers.celery_worker:CeleryWorker")


def _configuration() -> dict[str, Any]:
    try:
        settings = load_settings()
        check_production(settings)
        if FLOWER:
            flower.check_protected(os.environ, sys.argv)
    except SettingsError as error:
        raise SystemExit(str(error)) from error  # a sentence for people instead of a stack trace
    schedule = beat_schedule(
        pull=settings.meshstack_pull_interval is not None, send=settings.meshstack_api_user is not None
    )
    ticks = {"beat_schedule": schedule, "beat_scheduler": "workers.beat:RedisScheduler"}
    return {**celery_settings(settings), **ticks}


if FLOWER:
    try:
        flower.set_up(os.environ)
        flower.link_to(load_settings().page_url)
    except SettingsError as error:
        raise SystemExit(str(error)) from error
TRANSPORT_ALIASES.update(TRANSPORTS)
app = ConnectorApp("aws-connector")
app.add_defaults(_configuration)
signals.connect()
