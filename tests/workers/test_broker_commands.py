"""Whatever only speaks to the broker needs Redis's address: no documents, none of their secrets, no AWS SDK."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command import Ended, run_module, run_python
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


def celery(environment: dict[str, str], directory: Path, *arguments: str) -> Ended:
    return run_module(["celery", "-A", "workers.app", *arguments], environment, directory=directory)


def test_status_asks_the_workers(environment: dict[str, str], tmp_path: Path) -> None:
    ended = celery(environment, tmp_path, "status")

    assert "No nodes replied within time constraint" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_purge_reaches_the_queue(environment: dict[str, str], tmp_path: Path) -> None:
    ended = celery(environment, tmp_path, "purge", "-f")

    assert (ended.returncode, "No messages purged from 1 queue" in ended.stdout) == (0, True), ended.stderr


def test_the_app_is_light(environment: dict[str, str], tmp_path: Path) -> None:
    ended = run_python(["-c", LOADED], environment, tmp_path)

    assert (ended.stdout, ended.stderr) == ("\n", "")


def test_a_worker_without_documents_ends_with_a_sentence(environment: dict[str, str], tmp_path: Path) -> None:
    ended = celery(environment, tmp_path, "worker")

    assert ended.returncode == 1
    assert "/nowhere" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_worker_refuses_what_threads_cannot_do(environment: dict[str, str], tmp_path: Path) -> None:
    ended = celery(environment, tmp_path, "worker", "--autoscale", "10,3")

    assert ended.returncode == 1
    assert "--autoscale does not work with threads: remove it" in ended.stderr
    assert "Traceback" not in ended.stderr
