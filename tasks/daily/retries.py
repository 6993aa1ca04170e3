"""Failed tenants are tried again by themselves, each time after a longer while; in the end with every daily round."""

from __future__ import annotations

from datetime import datetime, timedelta

from tasks.model.desired import TenantId
from tasks.state.store import Store

FIRST = timedelta(hours=1)  # most of what fails for good needs a person, and a try costs a few calls
DOUBLINGS = 5  # 1, 2, 4, 8, 16, 32 hours: from then on the daily round comes first


def distance(failures: int) -> timedelta:
    """Return how long after the n-th failure in a row the next try comes.

    >>> [distance(failures) // FIRST for failures in (1, 2, 3, 9)]
    [1, 2, 4, 32]
    """
    return FIRST * (1 << min(failures - 1, DOUBLINGS))


def failed(store: Store, tenant: TenantId, now: datetime) -> None:
    """Note that a replication of the tenant has failed, and when it is tried again."""
    failures = int(store.redis.hincrby(f"{store.prefix}failing", str(tenant), 1))
    store.redis.zadd(_key(store), {str(tenant): (now + distance(failures)).timestamp()})


def forget(store: Store, tenant: TenantId) -> None:
    """Note that the tenant is as it should be, or gone, or that a person has stopped it."""
    with store.redis.pipeline() as pipeline:
        pipeline.hdel(f"{store.prefix}failing", str(tenant))
        pipeline.zrem(_key(store), str(tenant))
        pipeline.execute()


def due(store: Store, now: datetime, most: int) -> list[TenantId]:
    """Name the tenants whose next try is due, the one that waits longest first."""
    found = store.redis.zrangebyscore(_key(store), "-inf", now.timestamp(), 0, most)
    return [TenantId.parse(name) for name in found]


def postpone(store: Store, tenant: TenantId, now: datetime) -> None:
    """Put the next try off when one begins: how that ends decides, and a crash before its beginning loses none."""
    failures = int(store.redis.hget(f"{store.prefix}failing", str(tenant)) or 0)
    if failures:
        store.redis.zadd(_key(store), {str(tenant): (now + distance(failures)).timestamp()}, xx=True)


def is_failing(store: Store, tenant: TenantId) -> bool:
    """Tell whether the newest replication of the tenant that has ended has failed."""
    return bool(store.redis.hexists(f"{store.prefix}failing", str(tenant)))


def _key(store: Store) -> str:
    return f"{store.prefix}retries"
