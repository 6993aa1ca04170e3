"""apply, retry and cancel against an API that answers from a script."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest

from tests.support.waiting import LONG, eventually
from tests.workers.cli.fake_api import SECOND, FakeApi, accepted, problem, replication, tenant
from tests.workers.cli.running import COMMAND, RunHere, clean_environment, run

NAME = "a.b.aws.sandbox"
PATH = "/api/v1/tenants/a/b/aws.sandbox"
ORDER = f"tenant: {NAME}\nlandingZone: development\n"
ERROR = {"code": "AccessDenied", "message": "no way", "requestId": "req-1", "remedy": "Publish the policy again."}


@pytest.fixture
def orders(tmp_path: Path) -> str:
    file = tmp_path / "tenants.yaml"
    file.write_text(ORDER)
    return str(file)


def accept(fake: FakeApi, *states: tuple[int, dict[str, object]]) -> None:
    fake.script["PUT", PATH] = [accepted(NAME, "r1")]
    fake.script["GET", "/api/v1/replications/r1"] = list(states)
    fake.script["GET", PATH] = [tenant(NAME, "SUCCEEDED")]


def answer(replication_state: str, **step: object) -> tuple[int, dict[str, object]]:
    status, document = replication(NAME, "r1", replication_state, step)
    return status, dict(document)


def test_apply_shows_progress_and_result_in_plain_lines(
    run_here: RunHere, fake_api: FakeApi, environment: dict[str, str], orders: str
) -> None:
    accept(fake_api, answer("WAITING", state="WAITING", note="AWS is \x1b[31mbusy"), answer("SUCCEEDED"))
    done = run_here("apply", orders, environment=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{NAME}: WAITING {SECOND} AWS is \\x1b[31mbusy" in done.stdout
    assert f"{NAME}  500000000001  SUCCEEDED      7.0" in done.stdout
    assert "\x1b" not in done.stdout


def test_apply_survives_an_api_that_is_away_for_a_moment(
    run_here: RunHere, fake_api: FakeApi, environment: dict[str, str], orders: str
) -> None:
    accept(fake_api, answer("RUNNING"), (503, dict(problem(503, "Redis is away.")[1])), answer("SUCCEEDED"))
    assert run_here("apply", orders, environment=environment).returncode == 0


def test_apply_tells_why_a_replication_failed(
    run_here: RunHere, fake_api: FakeApi, environment: dict[str, str], orders: str
) -> None:
    accept(fake_api, answer("FAILED", state="FAILED", lastError=ERROR))
    done = run_here("apply", orders, environment=environment)
    assert done.returncode == 3
    for part in (NAME, SECOND, *ERROR.values()):
        assert part in done.stderr


def test_apply_without_waiting(fake_api: FakeApi, environment: dict[str, str]) -> None:
    accept(fake_api)
    done = run("apply", "-", "--no-wait", environment=environment, stdin=ORDER)
    assert (done.returncode, done.stdout) == (0, f"{NAME}: accepted as replication r1\n")
    assert fake_api.asked == [("PUT", PATH)]


@pytest.mark.parametrize("text", ["", "nonsense", "tenant: x", ORDER + "---\ntenant: c.d.aws.sandbox\n", "\x00\x01"])
def test_apply_sends_nothing_when_the_file_holds_a_mistake(
    run_here: RunHere, fake_api: FakeApi, environment: dict[str, str], tmp_path: Path, text: str
) -> None:
    (tmp_path / "wrong.yaml").write_text(text)
    done = run_here("apply", str(tmp_path / "wrong.yaml"), environment=environment)
    assert done.returncode == 1
    assert "nothing was sent" in done.stderr
    assert fake_api.asked == []


def test_apply_says_what_the_api_refuses_and_goes_on(fake_api: FakeApi, environment: dict[str, str]) -> None:
    accept(fake_api, answer("SUCCEEDED"))
    wrong = [{"field": "landingZone", "value": "moon", "message": "unknown landing zone; known: development"}]
    fake_api.script["PUT", "/api/v1/tenants/c/d/aws.sandbox"] = [problem(422, "One field is wrong.", wrong)]
    text = "tenant: c.d.aws.sandbox\nlandingZone: moon\n---\n" + ORDER
    done = run("apply", "-", environment=environment, stdin=text)
    assert done.returncode == 1
    assert "c.d.aws.sandbox was refused:\n  landingZone: unknown landing zone; known: development" in done.stderr
    assert f"{NAME}  500000000001  SUCCEEDED" in done.stdout


@pytest.mark.parametrize("status", [401, 403, 503])
def test_a_refusal_of_the_api_exits_with_4_and_never_shows_the_token(
    run_here: RunHere, fake_api: FakeApi, environment: dict[str, str], orders: str, status: int
) -> None:
    fake_api.script["PUT", PATH] = [problem(status, "Not so.")]
    done = run_here("apply", orders, environment=environment)
    assert done.returncode == 4
    assert str(status) in done.stderr
    assert "the-secret-token" not in done.stdout + done.stderr


def test_a_stopped_api_exits_with_4() -> None:
    environment = clean_environment(CONNECTOR_URL="http://127.0.0.1:1", CONNECTOR_TOKEN="x")
    done = run("status", environment=environment)
    assert done.returncode == 4
    assert len(done.stderr.splitlines()) == 1
    assert "http://127.0.0.1:1 cannot be reached" in done.stderr


def test_retry(run_here: RunHere, fake_api: FakeApi, environment: dict[str, str]) -> None:
    accept(fake_api, answer("CANCELLED"))
    fake_api.script["POST", f"{PATH}/replications"] = [accepted(NAME, "r1")]
    done = run_here("retry", NAME, environment=environment)
    assert done.returncode == 3
    assert f"{NAME}: the replication ended CANCELLED" in done.stderr


def test_retry_of_all_that_failed(run_here: RunHere, fake_api: FakeApi, environment: dict[str, str]) -> None:
    page = {"number": 0, "size": 500, "totalElements": 2, "totalPages": 1}
    rows = [tenant(f"a.{name}.aws.sandbox", "FAILED")[1] for name in ("b", "c")]
    query = "/api/v1/tenants?platform=aws.sandbox&status=FAILED&page=0&size=500"
    fake_api.script["GET", query] = [(200, {"tenants": rows, "page": page})]
    fake_api.script["POST", "/api/v1/tenants/a/b/aws.sandbox/replications"] = [accepted("a.b.aws.sandbox", "r1")]
    fake_api.script["POST", "/api/v1/tenants/a/c/aws.sandbox/replications"] = [problem(422, "its zone is gone")]

    done = run_here("retry", "--failed", "--platform", "aws.sandbox", "--no-wait", environment=environment)

    assert done.returncode == 1
    assert done.stdout == "a.b.aws.sandbox: accepted as replication r1\n"
    assert "a.c.aws.sandbox was refused" in done.stderr


@pytest.mark.parametrize("arguments", [(), ("a.b.aws.sandbox", "--failed"), ("a.b.aws.sandbox", "--platform", "aws.x")])
def test_retry_wants_one_tenant_or_all_that_failed(
    run_here: RunHere, environment: dict[str, str], arguments: tuple[str, ...]
) -> None:
    done = run_here("retry", *arguments, environment=environment)
    assert (done.returncode, "name a TENANT, or use --failed" in done.stderr) == (64, True)


@pytest.mark.parametrize("what", [NAME, "r1"])
def test_cancel(run_here: RunHere, fake_api: FakeApi, environment: dict[str, str], what: str) -> None:
    fake_api.script["GET", PATH] = [tenant(NAME, "RUNNING")]
    fake_api.script["POST", "/api/v1/replications/r1/cancel"] = [answer("CANCELLED")]
    done = run_here("cancel", what, environment=environment)
    assert (done.returncode, done.stdout) == (0, f"{NAME}: replication r1 is CANCELLED\n")


def test_cancel_what_nobody_knows(run_here: RunHere, environment: dict[str, str]) -> None:
    done = run_here("cancel", "r9", environment=environment)
    assert (done.returncode, done.stderr) == (1, "aws-connector: Nothing is here.\n")


def test_without_a_terminal_a_deletion_needs_yes(fake_api: FakeApi, environment: dict[str, str]) -> None:
    fake_api.script["GET", PATH] = [tenant(NAME, "SUCCEEDED")]
    done = run("delete", NAME, environment=environment)
    assert (done.returncode, done.stdout, ("DELETE", PATH) in fake_api.asked) == (64, "", False)
    assert "use --yes" in done.stderr


def test_a_deleted_tenant_is_shown_as_deleted(
    run_here: RunHere, fake_api: FakeApi, environment: dict[str, str]
) -> None:
    accept(fake_api, answer("SUCCEEDED"))
    fake_api.script["DELETE", PATH] = [accepted(NAME, "r1")]
    status, document = tenant(NAME, "SUCCEEDED")
    fake_api.script["GET", PATH] = [(status, {**document, "deletedAt": "2026-01-01T10:00:07Z"})]

    done = run_here("delete", NAME, "--yes", "--wait", environment=environment)

    assert done.returncode == 0
    assert f"{NAME}  500000000001  DELETED" in done.stdout
    assert "DELETED" in run_here("status", NAME, environment=environment).stdout


def test_interrupted_while_it_waits_it_says_that_the_replication_goes_on(
    fake_api: FakeApi, environment: dict[str, str], orders: str
) -> None:
    accept(fake_api, answer("RUNNING"))
    process = subprocess.Popen([*COMMAND, "apply", orders], env=environment, cwd="/", stderr=subprocess.PIPE, text=True)
    eventually(lambda: ("GET", "/api/v1/replications/r1") in fake_api.asked)

    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=LONG)

    assert (process.returncode, "Traceback" in said) == (130, False)
    assert "the replications continue" in said
