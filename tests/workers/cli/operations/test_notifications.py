"""The command notifications against a receiver and a Redis of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from tasks.connector import redis_client
from tasks.in_force import own_connector, own_in_force
from tasks.notifications.outbox import deliver
from tests.support.cluster import CONFIG_DIR
from tests.support.redis import CheckedRedis
from tests.tasks.notifications.receiver import Receiver, running_receiver
from workers.cli.errors import CommandFailed, ExitCode
from workers.cli.operations.notifications import send_test, show_waiting
from workers.sandbox.organization import environment

ALERT = {"kind": "resolved", "platform": "a.b", "tenant": "w.p.a.b", "at": "2026-01-01T10:00:00Z", "replication": "r"}
UNTIMELY = "1-1"  # long ago, so that it has been gathered


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    own_in_force.cache_clear()
    with CheckedRedis() as redis, running_receiver() as running:
        for name, value in environment("http://127.0.0.1:1", redis.url).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("CONNECTOR_CONFIG_DIR", str(CONFIG_DIR))
        monkeypatch.setenv("CONNECTOR_NOTIFICATION_URL", running.url)
        yield running
    own_in_force.cache_clear()


def test_a_test_message_and_what_the_receiver_says(receiver: Receiver, capsys: pytest.CaptureFixture[str]) -> None:
    send_test(as_json=False)
    assert receiver.messages[0]["kind"] == "test"
    assert "connector-signature" not in receiver.requests[0][0]
    assert capsys.readouterr().out == "the test message was delivered\n"

    receiver.status = 403
    with pytest.raises(CommandFailed, match="was not delivered: HTTP 403") as failed:
        send_test(as_json=False)
    assert failed.value.code is ExitCode.UNREACHABLE


def test_what_was_not_taken_is_shown(receiver: Receiver, capsys: pytest.CaptureFixture[str]) -> None:
    receiver.status = 500
    connector = own_connector()
    with redis_client(connector.settings) as redis:
        redis.xadd("connector:alerts", {"data": json.dumps({**ALERT, "link": "/"})}, id=UNTIMELY)
    assert deliver(connector, datetime.now(UTC)) == 0

    show_waiting(as_json=False)

    shown = capsys.readouterr().out
    assert UNTIMELY in shown
    assert "HTTP 500" in shown
    assert "w.p.a.b: recovered." in shown
    assert "dropped so far: 0" in shown


def test_without_an_address_the_command_says_so(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CONNECTOR_NOTIFICATION_URL")
    with pytest.raises(CommandFailed, match="CONNECTOR_NOTIFICATION_URL is not set"):
        send_test(as_json=False)
