"""Celery on Redis: each number with its unit and reason.

The message is a hint and the due index is the work (tasks/engine/pump.py), so nothing here has to be reliable; it has
to be quick to recover, small, and free of surprises.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from config.redis_address import RedisAddress
from config.settings import Settings

QUEUE = "replication"
SEPARATOR = "\x06\x16"  # kombu's own, between a queue and its priority
PULLS, TICKS, QUESTIONS = 3, 6, 9  # kombu's priorities of what comes after replications, which have 0
QUEUES = (QUEUE, *(f"{QUEUE}{SEPARATOR}{each}" for each in (PULLS, TICKS, QUESTIONS)))  # the broker's keys, in order

# Seconds after which the broker hands an unacknowledged message to another worker. Steps take seconds; a message that
# comes twice is stale by its dispatch number. Only a second net under the pump.
VISIBILITY_TIMEOUT = 300


def celery_settings(settings: Settings) -> dict[str, Any]:
    """Return Celery's configuration."""
    redis = settings.redis
    asked = {"master_name": redis.master_name, "sentinel_kwargs": settings.redis_sentinels}
    return {
        "broker_url": _url(redis),
        "broker_use_ssl": redis.tls and redis.tls.options,  # Flower reads it here only
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,  # for ever: a worker without Redis waits for it
        "broker_transport_options": {
            "visibility_timeout": VISIBILITY_TIMEOUT,
            "socket_timeout": 30,  # seconds, above BRPOP's own time; without it a half-open connection hangs for ever
            "socket_connect_timeout": 5,  # seconds
            "socket_keepalive": True,
            "health_check_interval": 25,  # seconds
            **(asked if redis.master_name else {}),
        },
        # JSON only: no pickle is ever read.
        "accept_content": ["json"],
        "task_serializer": "json",
        "result_serializer": "json",
        "task_ignore_result": True,  # the record says what became of a step
        "task_store_errors_even_if_ignored": False,
        "task_default_queue": QUEUE,
        "task_acks_late": True,  # a killed worker's message is delivered again, late but at last
        "task_reject_on_worker_lost": True,
        "task_create_missing_queues": True,
        "task_send_sent_event": False,
        "worker_send_task_events": False,  # Flower asks for them as long as it runs, and nobody else listens
        "task_track_started": True,
        "worker_pool": "threads",  # the work is waiting for HTTPS, which needs no process of its own
        # What runs on when the connection has broken is counted by workers/checked_broker.py already.
        "worker_enable_prefetch_count_reduction": False,
        "worker_prefetch_multiplier": 1,  # what waits in a worker's memory waits for that worker's death
        "worker_hijack_root_logger": False,  # logs are ours (config/log.py)
        "worker_redirect_stdouts": False,
        "worker_cancel_long_running_tasks_on_connection_loss": False,  # threads cannot be cancelled
        "timezone": "UTC",
        "enable_utc": True,
    }


def _url(redis: RedisAddress) -> str:
    """Write the address in Celery's way: each Sentinel is a whole URL, for a worker may begin with any."""
    scheme = "sentinel" if redis.master_name else "rediss" if redis.tls else "redis"
    user, password = (quote(text or "", safe="") for text in (redis.user, redis.password))
    signed = f"{user}:{password}@" if user or password else ""
    hosts = (f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in redis.nodes)
    return ";".join(f"{scheme}://{signed}{host}/{redis.database}" for host in hosts)
