"""The process `aws-connector runner`: everything put together, and its end by SIGTERM or Ctrl-C."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable
from time import monotonic
from types import FrameType

import httpx2
import structlog

from config import tracing
from config.environment import SettingsError
from config.log import configure_logging, register_secrets
from config.settings import Settings
from tasks.connector import Connector, make_connector
from tasks.in_force import InForce
from tasks.meshstack.access import api_key, connect
from tasks.meshstack.client import ApiKey
from tasks.meshstack.objects import Objects
from tasks.meshstack.runs import Runs
from tasks.meshstack.sealed import KeyUnusable, PrivateKey, TokenBox
from workers.runner.claimer import Claimer
from workers.runner.desk import Desk
from workers.runner.health_server import HealthServer
from workers.runner.metrics import RunMetrics
from workers.runner.reporting import Pace, Reporter
from workers.runner.runner import Runner

HANGS_SECONDS = 60.0  # a main thread that has done no round for so long is not well
log = structlog.get_logger(__name__)


def run_runner(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT. Raises SettingsError, CatalogError or PortTaken before anything is claimed."""
    key = api_key(settings)
    runner = assemble(make_connector(settings), key, private_key(settings))
    connector = runner.connector
    configure_logging(settings.log_format, settings.log_level, (*connector.secrets, key.secret))
    register_secrets((key.secret,))
    tracing.start("runner")
    connector.log_notes()
    health = HealthServer(runner.metrics.registry, _healthy(runner), settings.metrics_host, settings.runner_port)
    _end_on_signals(runner.stop)
    health.start()
    log.info("the runner starts", runner=settings.runner_uuid, holder=runner.holder, port=health.port)
    try:
        runner.run()
    finally:
        health.stop()
    log.info("the runner has stopped; others continue its runs")


def assemble(
    connector: Connector,
    key: ApiKey,
    private: PrivateKey | None,
    transport: httpx2.BaseTransport | None = None,
    pace: Pace | None = None,
) -> Runner:
    """Put a runner together; nothing is connected before it runs. Raises SettingsError."""
    settings = connector.settings
    if settings.runner_uuid is None:
        raise SettingsError(["CONNECTOR_RUNNER_UUID is needed: the identifier of the runner in meshStack."])
    holder, pace = f"{socket.gethostname()}.{os.getpid()}.{os.urandom(4).hex()}", pace or Pace()
    meshstack = connect(settings, key, transport, holder)
    runs, box, metrics = Runs(meshstack, settings.runner_uuid), TokenBox(key.secret), RunMetrics(settings.runner_uuid)
    reporter = Reporter(connector.store, runs, holder, pace, monotonic)
    connect_now = InForce(connector).now
    return Runner(
        connector=connector,
        desk=Desk(connect_now, reporter, Objects(meshstack)),
        claimer=Claimer(connect_now, runs, private, box, holder, metrics),
        box=box,
        metrics=metrics,
        holder=holder,
        pace=pace,
    )


def private_key(settings: Settings) -> PrivateKey | None:
    """Read the private key; None: there is none, so that no run may have encrypted inputs. Raises SettingsError."""
    if settings.runner_private_key_file is None:
        return None
    try:
        return PrivateKey.read(settings.runner_private_key_file)
    except KeyUnusable as error:
        raise SettingsError([f"CONNECTOR_RUNNER_PRIVATE_KEY_FILE: {error}."]) from error


def _healthy(runner: Runner) -> Callable[[], bool]:
    began = monotonic()
    return lambda: monotonic() - max(runner.looked_at, began) < HANGS_SECONDS


def _end_on_signals(stop: Callable[[], None]) -> None:
    def end(_number: int, _frame: FrameType | None) -> None:
        stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
