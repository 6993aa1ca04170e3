"""The Celery worker: what Celery's has, the tasks, the pump, the metrics, and the whole configuration."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from celery import Celery
from celery.apps.worker import Worker
from celery.bootsteps import StartStopStep
from celery.utils.nodenames import NODENAME_DEFAULT, default_nodename, gethostname
from kombu.transport import TRANSPORT_ALIASES

from config import tracing
from config.catalog import CatalogError
from config.celery import PULLS, QUESTIONS, TICKS
from config.environment import SettingsError
from config.log import register_secrets
from config.threads import Threads
from tasks import questions
from tasks.doctor.examination import answer_health
from tasks.engine import celery_tasks
from tasks.engine.host import Host
from tasks.engine.lease import Leases
from tasks.engine.pump import Pump
from tasks.meshstack.access import check_access
from tasks.questions.kinds import HEALTH, PLAN
from tasks.questions.plan import answer_plan
from tasks.worker import own_worker
from workers import schedule
from workers.metrics_server import MetricsServer, PortTaken

TRANSPORTS = {  # in place of those of workers/app.py: a worker takes no message unseen
    "redis": "workers.checked_broker:CheckedTransport",
    "rediss": "workers.checked_broker:CheckedTransport",
    "sentinel": "workers.checked_broker:CheckedSentinelTransport",
}

leases = Leases()
host = Host()


class CeleryWorker(Worker):  # type: ignore[misc]  # Celery has no types
    """Celery's worker, which ends with sentences when the configuration has mistakes."""

    def on_before_init(self, **options: Any) -> None:
        """Load the configuration before anything is logged, and build."""
        if options.get("autoscale"):
            raise SystemExit("--autoscale does not work with threads: remove it, and start more workers instead")
        try:
            register_secrets(own_worker().secrets)
            check_access(own_worker().settings)
        except (SettingsError, CatalogError) as error:
            raise SystemExit(str(error)) from error
        build(self.app)
        self.hostname: str = unique(self.hostname)
        super().on_before_init(**options)

    def setup_defaults(self, concurrency: int | str | None = None, **options: Any) -> None:
        """Give the worker its threads: for replications as many as `-c` or the settings say, for others more."""
        told = concurrency if isinstance(concurrency, int) else own_worker().settings.worker_concurrency
        self.threads = Threads.of(told)
        rooms = {PULLS: self.threads.pulls, TICKS: self.threads.ticks, QUESTIONS: self.threads.questions}
        self.app.conf.broker_transport_options = {**self.app.conf.broker_transport_options, "rooms": rooms}
        super().setup_defaults(concurrency=self.threads.all, **options)

    def on_init_blueprint(self) -> None:
        """Set up the logs as Celery does, and say what looks unwise in the documents."""
        super().on_init_blueprint()
        tracing.start("worker")
        own_worker().log_notes()


def unique(name: str) -> str:
    """Return a worker's name, unique also where several run on one machine; one that was chosen (`-n`) as it is.

    Threads are shared among workers by their names (tasks/state/lua/pump.lua), and `celery@host` would be one worker.
    """
    return f"{NODENAME_DEFAULT}-{uuid4().hex[:6]}@{gethostname()}" if name == default_nodename(None) else name


def build(app: Celery) -> None:
    """Give an app everything that only a worker has: checked messages, the tasks, the pump and the metrics."""
    TRANSPORT_ALIASES.update(TRANSPORTS)
    app.steps["worker"].update((PumpStep, MetricsStep))
    celery_tasks.register(app, own_worker, leases, host)
    schedule.register(app, own_worker)
    questions.register(app, own_worker, {HEALTH: answer_health, PLAN: answer_plan})


class PumpStep(StartStopStep):  # type: ignore[misc]  # Celery has no types
    """Runs the pump as long as the worker takes work."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, worker: Any, **_options: Any) -> None:
        own = own_worker()
        host.worker = worker
        self.pump = Pump(
            worker.app,
            own.store,
            worker.hostname,
            threads=worker.threads,
            every=own.settings.pump_interval,
            lease=own.settings.lease,
            running=lambda: leases.running,
        )
        worker.pump = self.pump

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
    """Serves what this worker counts, and whether it lives, where CONNECTOR_METRICS_PORT says so."""

    requires = (PumpStep,)

    def __init__(self, worker: Any, **_options: Any) -> None:
        own = own_worker()
        settings = own.settings
        self.enabled = settings.metrics_port is not None
        if settings.metrics_port is None:
            return
        address = settings.metrics_host, settings.metrics_port
        pump: Pump = worker.pump
        try:
            self.server = MetricsServer(own.counters.registry, settings.api_tokens, lambda: pump.turns, *address)
        except PortTaken as error:
            raise SystemExit(str(error)) from error

    def start(self, parent: Any) -> None:  # noqa: ARG002 (Celery's own signature)
        """Begin to answer."""
        self.server.start()

    def stop(self, parent: Any) -> None:  # noqa: ARG002 (Celery's own signature)
        """Answer no more."""
        self.server.stop()
