"""Who only asks loads neither the AWS SDK nor a step: the API and the commands start fast and can sign in nowhere."""

from __future__ import annotations

import pkgutil
import subprocess
import sys

import pytest

from workers import cli

# doctor does a worker's work on this machine, policies prints what is made from the table of its calls.
OTHERS = {"doctor", "policies", "__main__"}
COMMANDS = [f"workers.cli.{found.name}" for found in pkgutil.iter_modules(cli.__path__) if found.name not in OTHERS]
AWS = ("boto3", "botocore", "tasks.aws", "tasks.engine", "tasks.steps", "tasks.worker")
PROGRAM = """
import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
print(*sys.modules)
"""


@pytest.mark.parametrize(
    ("modules", "kept_out"),
    [(["workers.api.app"], AWS), (["workers.client"], (*AWS, "celery", "kombu", "redis")), (COMMANDS, AWS)],
    ids=["api", "client", "commands"],
)
def test_importing_it_brings_nothing_that_it_does_not_need(modules: list[str], kept_out: tuple[str, ...]) -> None:
    command = [sys.executable, "-c", PROGRAM, *modules]

    loaded = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()

    assert set(modules) <= set(loaded)
    assert [name for name in loaded if name.startswith(kept_out)] == []
