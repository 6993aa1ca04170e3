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
for names in sys.argv[1:]:
    for name in names.split():
        importlib.import_module(name)
    print(*sys.modules)
"""
PARTS: dict[str, tuple[list[str], tuple[str, ...]]] = {  # what it is, and what it does not load; each after the others
    "client": (["workers.client"], (*AWS, "celery", "kombu", "redis")),
    "commands": (COMMANDS, AWS),
    "api": (["workers.api.app"], AWS),
}


@pytest.fixture(scope="module")
def loaded() -> dict[str, list[str]]:
    """Import one after the other in one process; gives what is loaded after each."""
    command = [sys.executable, "-c", PROGRAM, *(" ".join(modules) for modules, _ in PARTS.values())]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return {part: line.split() for part, line in zip(PARTS, lines, strict=True)}


@pytest.mark.thorough
@pytest.mark.parametrize("part", PARTS)
def test_importing_it_brings_nothing_that_it_does_not_need(part: str, loaded: dict[str, list[str]]) -> None:
    modules, kept_out = PARTS[part]

    assert set(modules) <= set(loaded[part])
    assert [name for name in loaded[part] if name.startswith(kept_out)] == []
