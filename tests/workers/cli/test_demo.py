"""The demo and the sandbox as people start them: right results, and nothing is left however they end."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import httpx2
import pytest
from dotenv import dotenv_values

from tests.support.waiting import eventually
from tests.workers.cli.running import COMMAND, MARKER, RunHere, clean_environment, descendants, run

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

TENANTS = """
- tenant: a.x-dev.aws.sandbox
  landingZone: development
  access: [{username: alice, euid: alice@example.com, roles: [admin]}]
- {tenant: a.y-prod.aws.sandbox, landingZone: production}
- tenant: a.z-dev.aws-scim.sandbox
  landingZone: development-scim
  access: [{username: bob, euid: bob@example.com, roles: [admin]}]
"""
STAYING = ("status", "doctor --platform aws.sandbox", "backup -")
ENDS_SECONDS = 300.0  # a worker ends its call to AWS first; on a busy machine that takes a while


@pytest.fixture
def marker() -> str:
    return uuid4().hex


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    """Give the directory in which everything temporary must be made, and nothing may be left."""
    directory = tmp_path / "temporary"
    directory.mkdir()
    return directory


@pytest.fixture
def environment(marker: str, temporary: Path) -> dict[str, str]:
    noise = {"AWS_PROFILE": "nobody", "AWS_ENDPOINT_URL": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9"}
    return clean_environment(
        TMPDIR=str(temporary), CONNECTOR_REDIS_URL="nonsense", PORT="1", **noise, **{MARKER: marker}
    )


@pytest.fixture
def tenants(tmp_path: Path) -> str:
    file = tmp_path / "tenants.yaml"
    file.write_text(TENANTS)
    return str(file)


@pytest.mark.thorough
def test_demo(environment: dict[str, str], tenants: str, temporary: Path, marker: str) -> None:
    done = run("demo", "--tenants", tenants, environment=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"a\.x-dev\.aws\.sandbox +5\d{11} +Development +a-x-dev +2 +1 +1 +\d", done.stdout)
    assert re.search(r"a\.y-prod\.aws\.sandbox +5\d{11} +Production +a-y-prod +1 +\d +0 +\d", done.stdout)
    assert re.search(r"Second round: 0 writes, \d+ reads", done.stdout)
    assert descendants(marker) == []
    assert list(temporary.iterdir()) == []


@pytest.mark.thorough
def test_a_demo_that_stays_names_a_file_with_which_every_command_works(
    environment: dict[str, str], tenants: str, marker: str
) -> None:
    with started("demo", "--keep", "--tenants", tenants, environment=environment) as process:
        line = read_until(process, "In another terminal")
        file = line.partition("set -a; . ")[2].partition(";")[0]
        assert Path(file).stat().st_mode & 0o077 == 0
        told = {name: text for name, text in dotenv_values(file, interpolate=False).items() if text is not None}
        name, _, password = told["FLOWER_BASIC_AUTH"].partition(":")
        assert httpx2.get(told["CONNECTOR_FLOWER_URL"], auth=(name, password)).status_code == 200
        ended = [run(*each.split(), environment=clean_environment(**told)) for each in STAYING]
        os.killpg(process.pid, signal.SIGINT)
        process.communicate(timeout=ENDS_SECONDS)
    assert [each.returncode for each in ended] == [0] * len(STAYING), ended
    eventually(lambda: not descendants(marker))


@pytest.mark.parametrize("line", ["Starting", pytest.param("WAITING", marks=pytest.mark.thorough)])
def test_an_interrupted_demo_leaves_nothing(
    environment: dict[str, str], tenants: str, temporary: Path, marker: str, line: str
) -> None:
    with started("demo", "--tenants", tenants, environment=environment) as process:
        read_until(process, line)
        os.killpg(process.pid, signal.SIGINT)
        said, complaints = process.communicate(timeout=ENDS_SECONDS)
    assert process.returncode == 130
    assert said.endswith("Everything has been stopped; nothing is left.\n")
    assert "Traceback" not in complaints
    eventually(lambda: not descendants(marker))
    assert list(temporary.iterdir()) == []


def test_a_killed_demo_leaves_no_process(environment: dict[str, str], tenants: str, marker: str) -> None:
    with started("demo", "--tenants", tenants, environment=environment) as process:
        read_until(process, "Ready")
        process.kill()
        process.communicate(timeout=ENDS_SECONDS)
    eventually(lambda: not descendants(marker))


def test_demo_refuses_wrong_tenants_before_it_starts_anything(
    run_here: RunHere, environment: dict[str, str], tmp_path: Path
) -> None:
    done = run_here("demo", "--tenants", str(tmp_path / "nothing.yaml"), environment=environment)
    assert (done.returncode, done.stdout) == (1, "")


def test_sandbox_offers_its_environment_while_it_runs(
    environment: dict[str, str], tmp_path: Path, temporary: Path, marker: str
) -> None:
    offered = tmp_path / ".env"
    with started("sandbox", "--env-file", str(offered), environment=environment) as process:
        eventually(offered.exists)
        assert offered.stat().st_mode & 0o077 == 0
        names = {line.partition("=")[0] for line in offered.read_text().splitlines()[1:]}
        process.terminate()
        printed, complaints = process.communicate(timeout=ENDS_SECONDS)
    assert {"CONNECTOR_REDIS_URL", "AWS_ENDPOINT_URL", "CONNECTOR_CONFIG_DIR", "CONNECTOR_TOKEN"} <= names
    assert {line.removeprefix("export ").partition("=")[0] for line in printed.splitlines()[:-1]} == names
    assert re.match("# seed [0-9]+: ", printed.splitlines()[-1])
    assert (process.returncode, complaints) == (130, "")
    assert not offered.exists()
    eventually(lambda: not descendants(marker))
    assert list(temporary.iterdir()) == []


def test_sandbox_overwrites_nobodys_file(run_here: RunHere, environment: dict[str, str], tmp_path: Path) -> None:
    mine = tmp_path / ".env"
    mine.write_text("MINE=1\n")
    assert run_here("sandbox", "--env-file", str(mine), environment=environment).returncode == 64
    assert mine.read_text() == "MINE=1\n"


@pytest.mark.thorough
def test_a_second_sandbox_leaves_the_file_of_the_first_alone(
    environment: dict[str, str], tmp_path: Path, marker: str
) -> None:
    offered = tmp_path / ".env"
    with started("sandbox", "--env-file", str(offered), environment=environment) as first:
        eventually(offered.exists)
        written = offered.read_text()
        second = run("sandbox", "--env-file", str(offered), environment=environment)
        kept = offered.read_text()
        first.kill()
        first.communicate(timeout=ENDS_SECONDS)
    assert (second.returncode, kept) == (64, written)
    assert f"belongs to a sandbox that is running (process {first.pid})" in second.stderr
    eventually(lambda: not descendants(marker))

    empty = ("--option", "empty_organization=true")
    with started("sandbox", "--env-file", str(offered), *empty, environment=environment) as third:
        eventually(lambda: offered.read_text() != written)  # the first was killed, and its file is nobody's
        begun = offered.read_text()
        third.terminate()
        third.communicate(timeout=ENDS_SECONDS)
    assert "AWS_CONFIG_FILE=" in begun
    assert "SANDBOX_" not in begun  # there are no users yet
    assert "CONNECTOR_CONFIG_DIR" not in begun
    assert not offered.exists()
    eventually(lambda: not descendants(marker))


@pytest.mark.parametrize("option", ["nonsense=1", "creation_seconds=soon", "creation_seconds=-1", "="])
def test_sandbox_refuses_unknown_options(run_here: RunHere, environment: dict[str, str], option: str) -> None:
    done = run_here("sandbox", "--option", option, environment=environment)
    assert done.returncode == 64
    assert "creation_seconds" in done.stderr


def started(*arguments: str, environment: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*COMMAND, *arguments],
        env=environment,
        cwd="/",
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def read_until(process: subprocess.Popen[str], word: str) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        if word in line:
            return line
    raise AssertionError(f"the process ended without saying {word}")
