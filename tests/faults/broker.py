"""What can go wrong with the broker, done by hand: messages popped, put twice, put back late; Redis frozen."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tests.cluster import Cluster


@contextmanager
def frozen(cluster: Cluster) -> Iterator[None]:
    """Stop Redis's process: its connections stay open, and nothing is answered."""
    process = int(cluster.connector.store.redis.info("server")["process_id"])
    os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGCONT)
