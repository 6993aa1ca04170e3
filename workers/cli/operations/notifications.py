"""The command `notifications`: what was not delivered, and a test message.

It reads the environment as a worker does and needs no API.
"""

from __future__ import annotations

from datetime import UTC, datetime

from redis import RedisError

from tasks.connector import Connector
from tasks.in_force import own_connector
from tasks.notifications.outbox import OutboxMessage, trial, waiting
from tasks.state.counts import DROPPED
from workers.cli.errors import CommandFailed, ExitCode
from workers.cli.local import local
from workers.cli.output import print_json, print_line, show, shown_moment, stdout_console, table

COLUMNS = ("message", "tries", "next", "answer", "text")
LEAST = ("message", "tries")


def send_test(*, as_json: bool) -> None:
    """Send a test message from this machine. Raises CommandFailed with what the receiver answered."""
    connector = _configured()
    refused = trial(connector, datetime.now(UTC))
    if refused is not None:
        raise CommandFailed(f"the test message was not delivered: {refused}", ExitCode.UNREACHABLE)
    if as_json:
        print_json({"delivered": True})
    else:
        print_line(stdout_console(), "the test message was delivered")


def show_waiting(*, as_json: bool) -> None:
    """Print the messages that wait for their next try, and how many were dropped. Raises CommandFailed."""
    store = _configured().store
    try:
        messages, dropped = waiting(store), store.counts.all().get(DROPPED, 0)
    except RedisError as error:
        raise CommandFailed(
            f"Redis cannot be reached ({error}): check CONNECTOR_REDIS_URL", ExitCode.UNREACHABLE
        ) from error
    if as_json:
        print_json({"undelivered": messages, "dropped": dropped})
        return
    rows = table(COLUMNS, map(_row, messages), least=LEAST) if messages else "no undelivered messages"
    show(stdout_console(), rows)
    print_line(stdout_console(), f"dropped so far: {dropped}")


def _configured() -> Connector:
    connector = local(own_connector)
    if connector.settings.notification_url is None:
        raise CommandFailed("CONNECTOR_NOTIFICATION_URL is not set: notifications are disabled", ExitCode.MISTAKES)
    return connector


def _row(message: OutboxMessage) -> tuple[str, ...]:
    made = message.notification
    return made.id, str(message.tries), shown_moment(message.due), message.answer or "", made.text
