"""How much a command imports before it answers. Seconds depend on the machine; modules do not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.workers.cli.running import clean_environment

HEAVY = {"pydantic", "httpx2", "rich", "ruamel", "redis", "celery", "boto3", "botocore", "moto", "fastapi", "structlog"}
ASKING = {"pydantic", "httpx2", "rich"}  # what a command needs that asks the API and shows what it says
CODE = """
import sys
from workers.cli import main
try:
    main()
finally:
    print(*{name.partition(".")[0] for name in sys.modules}, file=sys.stderr)
"""


def imported(directory: Path, *arguments: str) -> set[str]:
    """Run a command and list the heavy packages that it has loaded."""
    environment = clean_environment(CONNECTOR_URL="http://127.0.0.1:1", CONNECTOR_TOKEN="x")
    command = [sys.executable, "-c", CODE, *arguments]
    done = subprocess.run(command, env=environment, cwd=directory, capture_output=True, text=True, check=False)
    return HEAVY.intersection(done.stderr.splitlines()[-1].split())


@pytest.mark.parametrize("arguments", [("--help",), ("-h",), ("--version",), ("--nonsense",)])
def test_help_version_and_a_wrong_option_need_nothing(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    assert imported(tmp_path, *arguments) == set()


@pytest.mark.parametrize("arguments", [("status",), ("status", "a.b.c.d"), ("history", "a.b.c.d"), ("rollout", "x")])
def test_who_asks_the_api_needs_no_more_than_that(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    assert imported(tmp_path, *arguments) <= ASKING
