from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from threading import Thread

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.support.waiting import eventually
from workers.sandbox.redis import EmbeddedRedis, EmbeddedRedisError


def connect(url: str) -> redis.Redis:
    return redis.Redis.from_url(url, retry=Retry(NoBackoff(), 0))  # redis-py would try again for seconds


def test_it_starts_survives_a_kill_and_leaves_nothing() -> None:
    with EmbeddedRedis(fsync="always") as server, connect(server.url) as client:
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        client.set("kept", "1")
        url, directory = server.url, server.directory
        server.kill()
        with pytest.raises(redis.ConnectionError):
            client.ping()
        server.restart()
        assert server.url == url
        assert client.get("kept") == b"1"
        client.set("also kept", "2")
        server.restart()
        assert client.get("also kept") == b"2"
        without_password = "redis://" + url.partition("@")[2]
        with connect(without_password) as stranger, pytest.raises(redis.RedisError):
            stranger.get("kept")
    assert not directory.exists()
    with pytest.raises(EmbeddedRedisError):
        _ = server.directory


def test_it_dies_with_the_process_that_started_it() -> None:
    code = "import sys, time; from workers.sandbox.redis import EmbeddedRedis\n"
    code += "server = EmbeddedRedis().start(); print(server.url, server.directory, flush=True); time.sleep(60)"
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    with parent:
        assert parent.stdout is not None
        url, directory = parent.stdout.readline().split()
        with connect(url) as client:
            assert client.ping()
            os.kill(parent.pid, signal.SIGKILL)
            eventually(lambda: not _answers(client))
    eventually(lambda: not Path(directory).exists())


def test_it_may_be_started_by_a_thread_that_ends() -> None:
    server = EmbeddedRedis()
    starter = Thread(target=server.start)
    starter.start()
    starter.join()
    with connect(server.url) as client:
        time.sleep(0.05)  # not synchronisation: a server that dies with its thread would be gone by now
        assert client.ping()
    server.stop()


def _answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False
