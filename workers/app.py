"""The Celery app: `celery -A workers.app worker`, `… beat`, `… flower`.

Configuration is read from the environment when Celery first asks for it, never at import.
"""

from __future__ import annotations

from typing import Any

from celery import Celery
from celery.bootsteps import StartStopStep
from kombu.transport import TRANSPORT_ALIASES

from config.catalog import CatalogError
from config.celery import celery_settings
from config.settings import SettingsError
from tasks import questions
from tasks.connector import own_connector
from tasks.doctor.examination import answer_health
from tasks.engine.celery_tasks import register
from tasks.engine.lease import Leases
from tasks.engine.pump import Pump
from tasks.questions.kinds import HEALTH, PLAN
from tasks.questions.plan import answer_plan
from tasks.worker import own_worker
from workers import schedule, signals
from workers.metrics_server import MetricsServer, PortTaken

CHECKED = "checked-redis"  # shown as the scheme of Redis's address


class ConnectorApp(Celery):  # type: ignore[misc]  # Celery has no types
    """Celery, but a worker checks every message that it takes from the queue."""

    def connection_for_read(self, url: str | None = None, **options: Any) -> Any:
        """Return the connection from which a worker takes messages; it names itself by Redis's address."""
        TRANSPORT_ALIASES.setdefault(CHECKED, "workers.broker:CheckedTransport")
        return super().connection_for_read(url, **{"transport": CHECKED, **options})


app = ConnectorApp("aws-connector")
leases = Leases()


def _configuration() -> dict[str, Any]:
    try:
        return {**celery_settings(own_connector().settings), "beat_schedule": schedule.schedule()}
    except (SettingsError, CatalogError) as error:
        raise SystemExit(str(error)) from error  # a sentence for people instead of a stack trace


class PumpStep(StartStopStep):  # type: ignore[misc]  # Celery has no types
    """Runs the pump as long as the worker takes work."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, worker: Any, **_options: Any) -> None:
        connector = own_connector()
        self.pump = Pump(
            app,
            connector.store,
            worker.hostname,
            room=max(worker.concurrency, 2),
            every=connector.settings.pump_interval,
            lease=connector.settings.lease,
        )

    def start(self, parent: Any) -> None:  # noqa: ARG002 (Celery's own signature)
        """Begin to look into the due index."""
        self.pump.start()

    def close(self, parent: Any) -> None:  # noqa: ARG002 (Celery's own signature)
        """Let every step end after its running call: comes before any part of the worker is stopped."""
        leases.stop()

    def stop(self, parent: Any) -> None:  # noqa: ARG002 (Celery's own signature)
        """Take nothing new."""
        self.pump.stop()


class MetricsStep(StartStopStep):  # type: ignore[misc]  # Celery has no types
    """Serves what this worker counts to Prometheus, where CONNECTOR_METRICS_PORT says so."""

    def __init__(self, worker: Any, **_options: Any) -> None:  # noqa: ARG002 (Celery's own signature)
        settings = own_connector().settings
        self.enabled = settings.metrics_port is not None
        if settings.metrics_port is None:
            return
        address = settings.metrics_host, settings.metrics_port
        try:
            self.server = MetricsServer(own_worker().counters.registry, settings.api_tokens, *address)
        except PortTaken as error:
            raise SystemExit(str(error)) from error

    def start(self, parent: Any) -> None:  # noqa: ARG002 (Celery's own signature)
        """Begin to answer."""
        self.server.start()

    def stop(self, parent: Any) -> None:  # noqa: ARG002 (Celery's own signature)
        """Answer no more."""
        self.server.stop()


app.add_defaults(_configuration)
app.steps["worker"].update((PumpStep, MetricsStep))
signals.connect()
register(app, own_worker, leases)
schedule.register(app, own_worker)
questions.register(app, own_worker, {HEALTH: answer_health, PLAN: answer_plan})
