"""--json: stdout is one JSON document, or lines of them, and nothing else; docs/commands.md describes each."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.workers.cli.fake_api import SECOND, Answer, FakeApi, accepted, problem, replication, tenant
from tests.workers.cli.running import COMMAND, REPOSITORY, RunHere
from workers.cli.app import application

NAME = "a.b.aws.sandbox"
PATH = "/api/v1/tenants/a/b/aws.sandbox"
AT = "2026-01-01T10:00:00Z"
ERROR = {"code": "AccessDenied", "message": "no", "requestId": "req-1", "remedy": "Allow it.", "documentation": None}
SHOWS_ITSELF = {"api", "demo"}  # the log of a server, and a show for people

ACCEPTED = accepted(NAME, "r1")
RUN = replication(NAME, "r1", "SUCCEEDED", {})
PAUSED = {"name": NAME, "pausedAt": AT, "pausedBy": "ada", "reason": "müde"}
PAGE = {"number": 0, "size": 500, "totalElements": 1, "totalPages": 1}
ENTRY = {"id": "1-1", "at": AT, "tenant": NAME, "replication": "r1", "step": "set_alias", "call": "iam:x"}
PLAN = {"tenant": NAME, "chain": "replication", "plannedAt": AT, "steps": [], "changes": 0, "errors": 0}
RESULT: dict[str, object] = {
    "tenant": NAME,
    "replicationId": "r1",
    "state": "SUCCEEDED",
    "accountId": "500000000001",
    "deletedAt": None,
    "seconds": 7.0,
    "failures": [],
}


@pytest.fixture
def scripted(fake_api: FakeApi) -> FakeApi:
    answers: dict[tuple[str, str], Answer] = {
        ("PUT", PATH): ACCEPTED,
        ("DELETE", PATH): ACCEPTED,
        ("POST", f"{PATH}/replications"): ACCEPTED,
        ("POST", f"{PATH}/deletion/approve"): ACCEPTED,
        ("POST", f"{PATH}/deletion/decline"): ACCEPTED,
        ("GET", PATH): tenant(NAME, "SUCCEEDED"),
        ("GET", "/api/v1/replications/r1"): RUN,
        ("POST", "/api/v1/replications/r1/cancel"): RUN,
        ("GET", f"{PATH}/replications?size=50"): (200, {"replications": [RUN[1]]}),
        ("GET", "/api/v1/tenants?page=0&size=500"): (200, {"tenants": [tenant(NAME, "WAITING")[1]], "page": PAGE}),
        ("GET", "/api/v1/pauses"): (200, {"pauses": [PAUSED]}),
        ("POST", f"{PATH}/pause"): (200, PAUSED),
        ("POST", f"{PATH}/resume"): (204, {}),
        ("GET", "/api/v1/audit?size=500"): (200, {"entries": [ENTRY, ENTRY], "next": None}),
        ("GET", "/api/v1/drift"): (200, {"tenants": []}),
        ("GET", "/api/v1/unmanaged"): (200, {"accounts": []}),
        ("POST", f"{PATH}/plan"): (200, {"id": "p1", "state": "DONE", "askedAt": AT, "plan": PLAN}),
    }
    fake_api.script.update({key: [answer] for key, answer in answers.items()})
    return fake_api


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("apply", "orders.yaml"), {"replications": [RESULT], "refused": []}),
        (("retry", NAME), {"replications": [RESULT], "refused": []}),
        (("delete", NAME, "--yes", "--wait"), {"replications": [RESULT], "refused": []}),
        (("approve", NAME), {"replications": [RESULT], "refused": []}),
        (("decline", NAME), {"replications": [RESULT], "refused": []}),
        (("pause", NAME), PAUSED),
        (("pause",), {"pauses": [PAUSED]}),
        (("resume", NAME), {"name": NAME, "resumed": True}),
        (("plan", NAME), [PLAN]),
        (("drift",), {"tenants": []}),
        (("unmanaged",), {"accounts": []}),
    ],
)
def test_a_document_for_each_command(
    run_here: RunHere,
    scripted: FakeApi,
    environment: dict[str, str],
    tmp_path: Path,
    arguments: tuple[str, ...],
    expected: Any,
) -> None:
    (tmp_path / "orders.yaml").write_text(f"tenant: {NAME}\nlandingZone: development\n")

    done = run_here(*arguments, "--json", environment=environment)

    assert done.returncode == 0
    assert json.loads(done.stdout) == expected


@pytest.mark.parametrize(
    ("arguments", "field", "expected"),
    [
        (("cancel", "r1"), "id", "r1"),
        (("status", NAME), "accountId", "500000000001"),
        (("status",), "tenant", NAME),
        (("history", NAME), "requestedAt", AT),
    ],
)
def test_what_the_api_answers_is_passed_on(
    run_here: RunHere,
    scripted: FakeApi,
    environment: dict[str, str],
    arguments: tuple[str, ...],
    field: str,
    expected: str,
) -> None:
    document = json.loads(run_here(*arguments, "--json", environment=environment).stdout)
    assert (document[0] if isinstance(document, list) else document)[field] == expected


def test_the_audit_log_is_a_line_for_each_write(
    run_here: RunHere, scripted: FakeApi, environment: dict[str, str]
) -> None:
    lines = run_here("audit", "--json", environment=environment).stdout.splitlines()
    assert [json.loads(line)["call"] for line in lines] == ["iam:x", "iam:x"]


def test_progress_and_failures_leave_stdout_alone(
    run_here: RunHere, scripted: FakeApi, environment: dict[str, str], tmp_path: Path
) -> None:
    """One order fails, one is refused: both stand in the document and, in words, on stderr."""
    failed = replication(NAME, "r1", "FAILED", {"state": "FAILED", "lastError": ERROR})
    scripted.script["GET", "/api/v1/replications/r1"] = [replication(NAME, "r1", "RUNNING", {}), failed]
    wrong = [{"field": "landingZone", "value": "moon", "message": "unknown landing zone"}]
    scripted.script["PUT", "/api/v1/tenants/a/c/aws.sandbox"] = [problem(422, "One field is wrong.", wrong)]
    orders = tmp_path / "orders.yaml"
    orders.write_text(f"[{{tenant: {NAME}, landingZone: a}}, {{tenant: a.c.aws.sandbox, landingZone: moon}}]")

    done = run_here("apply", str(orders), "--json", environment=environment)

    assert done.returncode == 3
    document = json.loads(done.stdout)
    assert document["refused"] == [{"tenant": "a.c.aws.sandbox", "detail": "One field is wrong.", "errors": wrong}]
    [result] = document["replications"]
    assert (result["state"], result["failures"]) == ("FAILED", [{"step": SECOND, **ERROR}])
    for said in (f"{NAME}: RUNNING {SECOND}", "Allow it.", "a.c.aws.sandbox was refused"):
        assert said in done.stderr


def test_without_waiting_the_document_says_what_was_accepted(
    run_here: RunHere, scripted: FakeApi, environment: dict[str, str]
) -> None:
    done = run_here("retry", NAME, "--no-wait", "--json", environment=environment)
    [result] = json.loads(done.stdout)["replications"]
    assert result == RESULT | {"state": "QUEUED", "accountId": None, "seconds": None}


def test_a_command_that_fails_writes_nothing_to_stdout(run_here: RunHere, environment: dict[str, str]) -> None:
    done = run_here("status", NAME, "--json", environment=environment)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "aws-connector: Nothing is here.\n")


def test_an_encoding_without_umlauts_breaks_neither_json_nor_tables(
    scripted: FakeApi, environment: dict[str, str], tmp_path: Path
) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[bytes]:
        poor = environment | {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "C"}
        command = [*COMMAND, *arguments]
        return subprocess.run(command, env=poor, cwd=tmp_path, capture_output=True, timeout=300, check=False)

    assert json.loads(run("pause", "--json").stdout) == {"pauses": [PAUSED]}
    assert b"m\\xfcde" in run("pause").stdout
    refused = run("pause", NAME, "--reason", "müde")
    assert refused.returncode == 64
    assert b"set LC_ALL=C.UTF-8" in refused.stderr
    assert b"Traceback" not in refused.stderr


def commands() -> list[str]:
    return [each.callback.__name__ for each in application().registered_commands if each.callback]


@pytest.mark.parametrize("command", commands())
def test_every_command_offers_json_and_the_page_describes_it(run_here: RunHere, command: str) -> None:
    page = (REPOSITORY / "docs" / "commands.md").read_text()
    described = re.findall(r"`([a-z]+)", "".join(line.split(" | ")[0] for line in page.splitlines() if " | " in line))

    offers = "--json" in run_here(command, "-h").stdout

    assert offers == (command not in SHOWS_ITSELF) == (command in described)
