"""Every curl that a page shows is run, by curl, against what the page says it talks to."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.manual.shown import Kind, Shown, shown
from tests.support.redis import CheckedRedis
from tests.support.simulator import running_simulator
from tests.test_documents import PAGES, REPOSITORY
from tests.workers.api.server import WRITE, running
from workers.sandbox.meshstack.app import standing_in

SERVERS = re.compile(r"(?:http://)?(?:localhost|127\.0\.0\.1):8080|https://connector\.example\.com")
OF_THE_ORGANIZATION = "integrate.md"  # its platform is made by bootstrap: see test_integrate.py
LISTED = REPOSITORY / "examples" / "meshstack" / "objects.yaml"
pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


def commands(block: Shown) -> list[str]:
    lines = block.text.replace("\\\n", " ").split("\ncurl ")
    return [f"curl {line.removeprefix('curl ').strip()}" for line in lines]


CURLS = [
    block for page in PAGES for block in shown(page) if block.text.startswith("curl ") and block.kind is Kind.COMMANDS
]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A terminal beside an API and the sandbox with its meshStack; the token is in both variables that pages use."""
    with CheckedRedis(fsync="no") as redis, running(redis) as api, standing_in() as (_, meshstack):
        given = {"token": WRITE, "TOKEN": WRITE, "CONNECTOR_MESHSTACK_URL": meshstack, "API": api.url}
        with running_simulator() as simulator:
            yield {"PATH": os.environ["PATH"], "AWS_ENDPOINT_URL": simulator.url, **given}


def test_there_are_some() -> None:
    assert {"README.md", "import.md", "sandbox.md", "meshstack.md"} <= {each.page for each in CURLS}


@pytest.mark.parametrize("block", CURLS, ids=map(str, CURLS))
def test_it_is_answered(block: Shown, environment: dict[str, str], tmp_path: Path) -> None:
    if block.page == OF_THE_ORGANIZATION:
        pytest.skip("run by test_integrate.py")
    shutil.copy(LISTED, tmp_path / "tenants.yaml")
    uuid = "UUID"
    for command in commands(block):
        typed = SERVERS.sub("$API", command.replace("UUID", uuid)).replace("'$API", "$API'")
        line = f"set -eu\n{typed.replace('curl ', 'curl --silent --show-error --fail-with-body ', 1)}"
        ended = subprocess.run(
            ["bash", "-c", line],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert ended.returncode == 0, f"{typed}\n{ended.stdout}{ended.stderr}"
        if "/runs -d" in command:
            uuid = json.loads(ended.stdout)["uuid"]
