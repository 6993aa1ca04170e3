"""How much a command imports before it answers. Seconds depend on the machine; modules do not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.workers.cli.running import clean_environment

HEAVY = {"pydantic", "httpx2", "rich", "ruamel", "redis", "celery", "boto3", "botocore", "moto", "fastapi", "structlog"}
ASKING = {"pydantic", "httpx2", "rich"}  # what a command needs that asks the API and shows what it says
CODE = """
import sys
from workers.cli import main
for line in sys.argv[1:]:
    sys.argv[1:] = line.split()
    try:
        main()
    except SystemExit:
        pass
    print(*{name.partition(".")[0] for name in sys.modules}, file=sys.stderr)
"""


def imported(directory: Path, *lines: str) -> list[set[str]]:
    """Run commands one after the other in one process; gives the heavy packages that are loaded after each."""
    environment = clean_environment(CONNECTOR_URL="http://127.0.0.1:1", CONNECTOR_TOKEN="x")
    command = [sys.executable, "-c", CODE, *lines]
    done = subprocess.run(command, env=environment, cwd=directory, capture_output=True, text=True, check=False)
    told = [set(line.split()) for line in done.stderr.splitlines()]
    return [HEAVY & each for each in told if "sys" in each]


def test_help_version_and_a_wrong_option_need_nothing(tmp_path: Path) -> None:
    assert imported(tmp_path, "--help", "-h", "--version", "--nonsense") == [set()] * 4


def test_who_asks_the_api_needs_no_more_than_that(tmp_path: Path) -> None:
    found = imported(tmp_path, "status", "status a.b.c.d", "history a.b.c.d", "rollout x")
    assert len(found) == 4
    assert [each - ASKING for each in found] == [set()] * 4
