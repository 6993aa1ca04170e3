"""Beat as a process: several do no harm, one that was killed goes on, and none writes a file."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from redis import Redis

from config.celery import QUEUE
from tests.support.nursery import nursery
from tests.support.redis import CheckedRedis
from tests.support.waiting import LONG, eventually
from tests.workers.hasty_beat import INTERVAL, OFTEN, RARELY
from workers.demo.supervisor import Child, Supervisor


@dataclass
class Beats:
    """Beats on one Redis, and what they have sent to a queue from which nobody takes."""

    redis: CheckedRedis
    processes: Supervisor
    began: float

    def start(self, name: str) -> Child:
        command = ["celery", "-A", "tests.workers.hasty_beat", "beat"]
        log = self.processes.directory / f"{name}.log"
        child = Child(name, nursery().start(command, self.processes.environment, self.processes.directory, log), log)
        self.processes.children.append(child)
        return child

    def kill(self, child: Child) -> None:
        self.processes.children.remove(child)
        child.process.kill()
        child.process.wait()

    def sent(self, task: str) -> int:
        """Count the messages for a task."""
        with Redis.from_url(self.redis.url) as client:
            messages: Any = client.lrange(QUEUE, 0, -1)
        return sum(json.loads(message)["headers"]["task"] == task for message in messages)

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait for a condition as long as all beats run."""
        self.processes.wait("beat", condition, LONG)

    def at_most(self) -> float:
        """Return how often something may have been sent by now."""
        return (monotonic() - self.began) / INTERVAL.total_seconds() + 1


@pytest.fixture
def beats(tmp_path: Path) -> Iterator[Beats]:
    with CheckedRedis() as redis:
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(Path.cwd()),
            "HOME": str(tmp_path),
            "TMPDIR": str(tmp_path),
            "CONNECTOR_REDIS_URL": redis.url,
            "CONNECTOR_CONFIG_DIR": "/nowhere",
        }
        with Supervisor(tmp_path, environment) as processes:
            yield Beats(redis, processes, monotonic())


def test_of_two_beats_one_sends(beats: Beats, tmp_path: Path) -> None:
    first = beats.start("first")
    beats.start("second")
    beats.until(lambda: beats.sent(OFTEN) >= 6)

    assert beats.sent(OFTEN) <= beats.at_most()
    assert beats.sent(RARELY) == 1

    beats.kill(first)
    before = beats.sent(OFTEN)
    beats.until(lambda: beats.sent(OFTEN) >= before + 2)
    assert beats.sent(OFTEN) <= beats.at_most()
    assert beats.sent(RARELY) == 1
    assert {file.name for file in tmp_path.iterdir()} == {"first.log", "second.log"}


def test_one_that_was_killed_goes_on_where_it_stood(beats: Beats) -> None:
    beat = beats.start("beat")
    beats.until(lambda: beats.sent(OFTEN) >= 2 and beats.sent(RARELY) == 1)
    beats.kill(beat)
    before = beats.sent(OFTEN)

    beats.start("again")

    beats.until(lambda: beats.sent(OFTEN) >= before + 2)
    assert beats.sent(OFTEN) <= beats.at_most()
    assert beats.sent(RARELY) == 1


def test_it_goes_on_when_redis_comes_back(beats: Beats) -> None:
    beat = beats.start("beat")
    beats.until(lambda: beats.sent(OFTEN) >= 1)

    beats.redis.kill()
    eventually(lambda: "Redis cannot be asked what is due" in beat.log.read_text())
    beats.redis.restart()

    before = beats.sent(OFTEN)
    beats.until(lambda: beats.sent(OFTEN) >= before + 2)
