"""A Celery app with our settings and eleven tasks that do nothing: what a chain costs by itself.

celery -A tests.bench.bare worker
"""

from __future__ import annotations

import time

from celery import Celery, chain

from config.celery import celery_settings
from config.environment import load_settings
from tasks.chain import REPLICATION

app = Celery("bare")
app.add_defaults(lambda: celery_settings(load_settings()))


@app.task(name="bare.nothing")  # type: ignore[untyped-decorator]  # Celery has no types
def nothing(_tenant: str, _replication: str, _dispatch: int) -> None:
    """Do nothing."""


@app.task(name="bare.ended")  # type: ignore[untyped-decorator]  # Celery has no types
def ended(key: str) -> None:
    """Say that one chain has ended, and when."""
    from tasks.connector import redis_client  # noqa: PLC0415 (the worker's own, made when first needed)

    redis_client(load_settings()).rpush(key, time.time())


def send_chain(key: str) -> None:
    """Send a chain as long as a replication."""
    steps = [nothing.si("likvid.shop.aws.sandbox", "0" * 32, 1) for _ in REPLICATION.steps[1:]]
    chain(*steps, ended.si(key)).apply_async()
