"""The command `logs`: a line for each thing that happened to a tenant, and ids that are never broken."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tasks.model.desired import TenantId
from tests.support.nursery import nursery
from tests.support.redis import CheckedRedis
from tests.support.waiting import eventually
from tests.workers.api.server import WRITE, Api, running
from tests.workers.cli.fake_api import FakeApi
from tests.workers.cli.running import COMMAND, RunHere, clean_environment
from tests.workers.cli.terminal import on_terminal

NAME = "likvid.shop.aws.sandbox"
EVENTS = "/api/v1/tenants/likvid/shop/aws.sandbox/events?follow=false"
ID = "8d9cc63f6b7c4b6c9f7a9f0d4b1c2e3f"
ROLE = "arn:aws:iam::500000000001:role/OrganizationAccountAccessRole-of-the-connector"
DENIED = {"code": "AccessDenied", "message": "no", "requestId": "req-1", "remedy": "Allow it."}
STEP = {"type": "step", "replication": ID, "name": "create_account", "at": "2026-01-31T10:04:12.123+00:00"}
SAID = f"AccessDenied: {ROLE} cannot be assumed (AWS request id req-1). Allow it."
STORY: list[dict[str, Any]] = [
    {"type": "replication", "replication": ID, "state": "QUEUED", "at": "2026-01-31T10:04:10+00:00"},
    {**STEP, "state": "RUNNING"},
    {**STEP, "state": "WAITING", "note": "waits for its turn"},
    {**STEP, "state": "WAITING", "note": "waits for its turn", "attempts": 2},
    {
        "type": "write",
        "replication": ID,
        "step": "create_account",
        "call": "organizations:create_account",
        "account": "111111111111",
        "request_id": "req-0",
        "code": None,
        "at": "2026-01-31T23:59:59+00:00",
    },
    {**STEP, "state": "SUCCEEDED", "note": "account 500000000001", "at": "2026-02-01T00:00:01+00:00"},
    {
        **STEP,
        "name": "wait_for_access",
        "state": "FAILED",
        "note": f"{ROLE} cannot be assumed",
        "lastError": {**DENIED, "message": f"{ROLE} cannot be assumed"},
        "at": "2026-02-01T00:00:02+00:00",
    },
]


@pytest.fixture
def told(fake_api: FakeApi) -> FakeApi:
    text = "".join(
        f"id: {number}-0\nevent: {event['type']}\ndata: {json.dumps(event)}\n\n" for number, event in enumerate(STORY)
    )
    fake_api.pages[EVENTS] = (200, "text/event-stream", text)
    return fake_api


def test_off_a_terminal_each_thing_is_one_whole_line(
    told: FakeApi, run_here: RunHere, environment: dict[str, str]
) -> None:
    ended = run_here("logs", NAME, environment=environment)

    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.splitlines() == [
        "2026-01-31T10:04:10Z replication 8d9cc63f QUEUED",
        "2026-01-31T10:04:12Z create_account WAITING waits for its turn",
        "2026-01-31T23:59:59Z create_account wrote organizations:create_account in 111111111111",
        "2026-02-01T00:00:01Z create_account SUCCEEDED account 500000000001",
        f"2026-02-01T00:00:02Z wait_for_access FAILED {SAID}",
    ]


def test_as_json_each_event_is_one_line(told: FakeApi, run_here: RunHere, environment: dict[str, str]) -> None:
    lines = run_here("logs", NAME, "--json", environment=environment).stdout.splitlines()
    assert [json.loads(line) for line in lines] == [
        {"id": f"{number}-0", **event} for number, event in enumerate(STORY)
    ]


def test_60_columns_are_enough_and_no_id_is_broken(told: FakeApi, environment: dict[str, str], tmp_path: Path) -> None:
    code, lines = on_terminal("logs", NAME, environment=environment, columns=60, directory=tmp_path)

    assert code == 0
    assert lines == [
        "2026-01-31 (UTC)",
        "10:04:10 replication 8d9cc63f QUEUED",
        "10:04:12 create_account WAITING waits for its turn",
        "23:59:59 create_account wrote",
        "  organizations:create_account in 111111111111",
        "2026-02-01 (UTC)",
        "00:00:01 create_account SUCCEEDED account 500000000001",
        "00:00:02 wait_for_access FAILED",
        "  AccessDenied:",
        f"  {ROLE}",
        "  cannot be assumed (AWS request id req-1). Allow it.",
    ]


@pytest.fixture
def ordered() -> Iterator[tuple[Api, dict[str, str]]]:
    """An API with one tenant that was ordered, and what a command is told."""
    with CheckedRedis(fsync="no") as redis, running(redis) as api:
        with api.client() as http:
            http.put("/api/v1/tenants/likvid/shop/aws.sandbox", json={"landingZone": "development"}).raise_for_status()
        yield api, clean_environment(CONNECTOR_URL=api.url, CONNECTOR_TOKEN=WRITE)


def test_it_ends_or_goes_on_as_things_happen(
    ordered: tuple[Api, dict[str, str]], run_here: RunHere, tmp_path: Path
) -> None:
    api, environment = ordered
    for number in range(250):  # more than one reading takes
        api.store.events.emit(TenantId.parse(NAME), {**STEP, "state": "WAITING", "note": f"look {number}"})

    lines = run_here("logs", NAME, environment=environment).stdout.splitlines()

    assert len(lines) == 251
    out = tmp_path / "out"
    process = nursery().start([COMMAND[-1], "logs", NAME, "--follow"], environment, tmp_path, out)
    try:
        eventually(lambda: out.exists() and len(out.read_text().splitlines()) == len(lines))
        api.store.events.emit(TenantId.parse(NAME), {**STEP, "state": "SUCCEEDED", "note": "done"})
        eventually(lambda: "create_account SUCCEEDED done" in out.read_text())
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
    finally:
        process.kill()
