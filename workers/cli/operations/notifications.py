"""The command `notifications`: what the receiver has not taken, and a test message.

It reads the environment as a worker does and needs no API.
"""

from __future__ import annotations

from datetime import UTC, datetime

from redis import RedisError

from tasks.connector import Connector
from tasks.notifications.outbox import OutboxMessage, trial, waiting
from tasks.state.counts import DROPPED
from workers.cli.errors import CommandFailed, ExitCode
from workers.cli.local import local_connector
from workers.cli.output import flat, print_line, show, stdout_console, table
from workers.cli.tenants.status import MOMENT


def send_test() -> None:
    """Send a test message from this machine. Raises CommandFailed with what the receiver answered."""
    connector = _configured()
    refused = trial(connector, datetime.now(UTC))
    if refused is not None:
        raise CommandFailed(f"the test message was not taken: {refused}", ExitCode.UNREACHABLE)
    print_line(stdout_console(), "the receiver has taken the test message")


def show_waiting() -> None:
    """Print the messages that wait for their next try, and how many were dropped. Raises CommandFailed."""
    store = _configured().store
    try:
        messages, dropped = waiting(store), store.counts.all().get(DROPPED, 0)
    except RedisError as error:
        raise CommandFailed(f"Redis cannot be reached: {error}", ExitCode.UNREACHABLE) from error
    columns = ("message", "tries", "next", "answer", "text")
    show(stdout_console(), table(columns, map(_row, messages)) if messages else "no message waits")
    print_line(stdout_console(), f"dropped since the beginning: {dropped}")


def _configured() -> Connector:
    connector = local_connector()
    if connector.settings.notification_url is None:
        raise CommandFailed("CONNECTOR_NOTIFICATION_URL is not set: nobody is sent a message", ExitCode.MISTAKES)
    return connector


def _row(message: OutboxMessage) -> tuple[str, ...]:
    made = message.notification
    return made.id, str(message.tries), f"{message.due:{MOMENT}}", message.answer or "", flat(made.text)
