"""Whatever only speaks to the broker needs Redis's address: no documents, none of their secrets, no AWS SDK."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.redis import CheckedRedis

LOADED = """
import sys
from workers.app import app
app.conf.broker_url
import workers.beat
print(*sorted({name.split(".")[0] for name in sys.modules} & {"boto3", "botocore", "moto"}))
"""


@pytest.fixture(scope="module")
def environment() -> Iterator[dict[str, str]]:
    with CheckedRedis() as redis:
        yield {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(Path.cwd()),
            "CONNECTOR_REDIS_URL": redis.url,
            "CONNECTOR_CONFIG_DIR": "/nowhere",
        }


def run(environment: dict[str, str], directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        env=environment,
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_status_asks_the_workers(environment: dict[str, str], tmp_path: Path) -> None:
    ended = run(environment, tmp_path, "-m", "celery", "-A", "workers.app", "status")

    assert "No nodes replied within time constraint" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_purge_reaches_the_queue(environment: dict[str, str], tmp_path: Path) -> None:
    ended = run(environment, tmp_path, "-m", "celery", "-A", "workers.app", "purge", "-f")

    assert (ended.returncode, "No messages purged from 1 queue" in ended.stdout) == (0, True), ended.stderr


def test_the_app_is_light(environment: dict[str, str], tmp_path: Path) -> None:
    ended = run(environment, tmp_path, "-c", LOADED)

    assert (ended.stdout, ended.stderr) == ("\n", "")


def test_a_worker_without_documents_ends_with_a_sentence(environment: dict[str, str], tmp_path: Path) -> None:
    ended = run(environment, tmp_path, "-m", "celery", "-A", "workers.app", "worker")

    assert ended.returncode == 1
    assert "/nowhere" in ended.stderr
    assert "Traceback" not in ended.stderr
