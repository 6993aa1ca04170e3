"""The commands of operations against a running API: pause, resume, retry --from, history, audit, backup, restore."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tasks.model.call import CallRecord, Intent
from tasks.model.desired import Desired, TenantId
from tasks.state.audit import Trail
from tasks.state.orders import Order
from tests.support.command import Ended
from tests.support.redis import CheckedRedis
from tests.workers.api.server import WRITE, Api, running
from tests.workers.cli.running import RunHere, clean_environment

SHOP = TenantId("likvid", "shop", "aws.sandbox")


@pytest.fixture(scope="module")
def running_api() -> Iterator[Api]:
    with CheckedRedis(fsync="no") as redis, running(redis) as api:
        yield api


@pytest.fixture
def api(running_api: Api) -> Api:
    running_api.redis.client.flushall()
    running_api.store.orders.submit(Order(SHOP, Desired(landing_zone="development"), by="ada"))
    return running_api


@pytest.fixture
def environment(api: Api) -> dict[str, str]:
    return clean_environment(CONNECTOR_URL=api.url, CONNECTOR_TOKEN=WRITE, CONNECTOR_REDIS_URL=api.redis.url)


def test_pause_shows_and_resume_goes_on(run_here: RunHere, environment: dict[str, str]) -> None:
    assert run_here("pause", environment=environment).stdout == "nothing is paused\n"
    paused = run_here("pause", str(SHOP), "--reason", "migration", environment=environment)
    assert paused.stdout.startswith(f"{SHOP}: paused since ")
    assert "migration" in run_here("status", str(SHOP), environment=environment).stdout
    *_, heading, row = run_here("status", environment=environment).stdout.splitlines()
    assert (heading.split()[-1], row.split()[-1]) == ("paused", "migration")
    assert run_here("pause", "aws.sandbox", environment=environment).returncode == 0
    listed = run_here("pause", environment=environment).stdout
    assert [line.split()[0] for line in listed.splitlines()] == ["name", "aws.sandbox", str(SHOP)]

    assert run_here("resume", str(SHOP), environment=environment).stdout == f"{SHOP}: resumed\n"
    again = run_here("resume", str(SHOP), environment=environment)
    assert (again.returncode, again.stderr) == (1, f"aws-connector: {SHOP} is not paused.\n")
    assert run_here("pause", "nonsense", environment=environment).returncode == 64


def test_a_deletion_is_asked_for_declined_and_approved(run_here: RunHere, environment: dict[str, str]) -> None:
    def run(command: str) -> Ended:
        options = {"status": [], "delete": ["--yes"]}.get(command, ["--no-wait"])
        return run_here(command, str(SHOP), *options, environment=environment)

    early = run("approve")
    assert (early.returncode, early.stderr) == (1, f"aws-connector: Nobody has asked to delete the tenant {SHOP}.\n")
    for commands in (("delete", "decline"), ("delete", "approve")):
        for command in commands:
            done = run(command)
            assert (done.returncode, str(SHOP) in done.stdout) == (0, True), done.stderr
            shown = run("status").stdout
            assert ("by producer, not approved" in shown) == (command == "delete")
            assert ("approved" in shown) == (command != "decline")
    late = run("decline")
    assert late.returncode == 1
    assert "cannot be undone" in late.stderr


def test_retry_from_an_unknown_step_names_the_steps(run_here: RunHere, environment: dict[str, str]) -> None:
    ended = run_here("retry", str(SHOP), "--from", "make_coffee", environment=environment)

    assert ended.returncode == 1
    assert "deploy_access_stack" in ended.stderr
    assert (
        run_here("retry", str(SHOP), "--from", "create_account", "--no-wait", environment=environment).returncode == 0
    )


def test_history_tells_who_asked(run_here: RunHere, environment: dict[str, str]) -> None:
    [_, row] = run_here("history", str(SHOP), environment=environment).stdout.splitlines()

    assert " ada " in row
    assert row.split()[4:6] == ["replication", "QUEUED"]
    [document] = json.loads(run_here("history", str(SHOP), "--json", environment=environment).stdout)
    assert document["requestedBy"] == "ada"


def test_history_tells_a_deletion_from_a_replication(run_here: RunHere, environment: dict[str, str]) -> None:
    run_here("delete", str(SHOP), "--yes", environment=environment)
    [_, newest] = run_here("history", str(SHOP), environment=environment).stdout.splitlines()
    assert newest.split()[4] == "deletion"


@pytest.mark.parametrize("most", ["0", "201", "some"])
def test_history_shows_1_to_200(run_here: RunHere, environment: dict[str, str], most: str) -> None:
    done = run_here("history", str(SHOP), "--most", most, environment=environment)
    assert (done.returncode, done.stderr) == (64, f"aws-connector: --most '{most}' is not a number from 1 to 200\n")


def test_audit_prints_every_write(api: Api, run_here: RunHere, environment: dict[str, str]) -> None:
    trail = Trail(api.store.audit, timedelta(days=1), {"tenant": str(SHOP), "replication": "r", "step": "set_alias"})
    trail.intend(Intent("iam", "create_account_alias", "111111111111", {"AccountAlias": "likvid-shop"}))
    trail.ended(CallRecord("iam", "create_account_alias", True, "111111111111", "request-1", None, 0.1))

    [line] = run_here("audit", "--since", "2020-01-01", environment=environment).stdout.splitlines()
    assert ' OK iam:create_account_alias in 111111111111 {"AccountAlias": "likvid-shop"} for ' in line
    [written] = run_here("audit", "--json", "--tenant", str(SHOP), environment=environment).stdout.splitlines()
    assert json.loads(written)["requestId"] == "request-1"
    assert run_here("audit", "--since", "yesterday", environment=environment).returncode == 64


def test_a_backup_is_restored_once(api: Api, run_here: RunHere, environment: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "backup.jsonl"
    saved = run_here("backup", str(file), environment=environment)
    assert (saved.returncode, saved.stdout) == (0, f"saved 1 tenant and 0 pauses to {file}\n")
    assert file.stat().st_mode & 0o077 == 0
    assert [each.name for each in tmp_path.iterdir()] == ["backup.jsonl"]
    refused = run_here("restore", str(file), environment=environment)
    assert (refused.returncode, "--merge" in refused.stderr) == (1, True)
    merged = run_here("restore", str(file), "--merge", environment=environment)
    assert merged.stdout == "restored 0 tenants and 0 pauses; 1 tenant existed and was left unchanged\n"

    api.redis.client.flushall()
    broken = tmp_path / "broken.jsonl"
    broken.write_text(file.read_text().replace("landingZone", "zone"))
    assert run_here("restore", str(broken), environment=environment).returncode == 1
    assert api.keys() == []
    assert run_here("restore", str(file), environment=environment).stdout == "restored 1 tenant and 0 pauses\n"
    assert api.store.tenants.find(SHOP) is not None

    api.store.orders.submit(Order(SHOP, Desired(landing_zone="production")))
    differs = run_here("restore", str(file), "--merge", environment=environment)
    assert f"{SHOP}: desired state" in differs.stderr


def test_a_backup_overwrites_nothing_unasked_and_goes_to_stdout_too(
    run_here: RunHere, environment: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "backup.jsonl"
    file.write_text("mine")
    refused = run_here("backup", str(file), environment=environment)
    assert (refused.returncode, file.read_text()) == (64, "mine")
    assert "use --overwrite" in refused.stderr

    report = run_here("backup", str(file), "--overwrite", "--json", environment=environment)
    assert json.loads(report.stdout) == {"file": str(file), "tenants": 1, "pauses": 0}

    for arguments in ((), ("-",)):
        printed = run_here("backup", *arguments, environment=environment)
        assert printed.stderr == "saved 1 tenant and 0 pauses\n"
        assert [next(iter(json.loads(line))) for line in printed.stdout.splitlines()] == ["backup", "tenant", "end"]
    assert [each.name for each in tmp_path.iterdir()] == ["backup.jsonl"]

    restored = run_here("restore", str(file), "--merge", "--json", environment=environment)
    assert json.loads(restored.stdout) == {
        "added": [],
        "kept": [str(SHOP)],
        "pauses": [],
        "differing": {},
        "refused": {},
    }


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read (No such file or directory): name a backup, or - for stdin"),
        (b"\xff", "is not UTF-8 text, so not a backup: name another file"),
        (b"{}", "this is not a backup of the connector"),
    ],
)
def test_what_is_no_backup_is_named(
    run_here: RunHere, environment: dict[str, str], tmp_path: Path, content: bytes | None, said: str
) -> None:
    if content is not None:
        (tmp_path / "wrong").write_bytes(content)
    done = run_here("restore", "wrong", environment=environment)
    assert (done.returncode, done.stdout) == (1, "")
    assert said in done.stderr


def test_redis_that_is_not_there_is_exit_code_4(run_here: RunHere, environment: dict[str, str], tmp_path: Path) -> None:
    nowhere = environment | {"CONNECTOR_REDIS_URL": "redis://127.0.0.1:1"}
    done = run_here("backup", "backup.jsonl", environment=nowhere)
    assert (done.returncode, done.stdout, list(tmp_path.iterdir())) == (4, "", [])
    assert "check CONNECTOR_REDIS_URL" in done.stderr
