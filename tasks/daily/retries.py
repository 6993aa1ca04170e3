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
    failures = store.retries.count(tenant)
    store.retries.plan(tenant, now + distance(failures))


def postpone(store: Store, tenant: TenantId, now: datetime) -> None:
    """Put the next try off when one begins: how that ends decides, and a crash before its beginning loses none."""
    failures = store.retries.failures(tenant)
    if failures:
        store.retries.plan(tenant, now + distance(failures), only_move=True)
