"""How long a bare Celery chain of no-ops takes, through one worker process."""

from __future__ import annotations

import os
import subprocess
import sys
from time import time

from tests.bench import bare
from tests.support.cluster import Cluster
from tests.support.waiting import eventually


def bare_chain_seconds(running: Cluster, chains: int) -> float:
    """Return the worker's seconds per chain, from the first to the last of many that wait in the queue."""
    redis = running.redis.client
    command = [sys.executable, "-m", "celery", "-A", "tests.bench.bare", "worker", "--loglevel=ERROR"]
    environment = {**os.environ, **running.environment}
    bare.send_chain("bench:warm")
    worker = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        eventually(lambda: redis.llen("bench:warm") == 1, 60)
        started = time()
        for _ in range(chains):
            bare.send_chain("bench:ended")
        eventually(lambda: redis.llen("bench:ended") == chains, 120)
        return (float(redis.lindex("bench:ended", -1)) - started) / chains
    finally:
        worker.terminate()
        worker.wait(30)
