"""What the daily replications found different from what is wanted, and what became of it.

`repair` (the default of a platform): a daily replication puts right what it finds, and what it wrote is kept here.
`report`: it writes nothing, and what it would write is kept here until somebody orders a replication.
An entry goes with the next daily look that finds all right. Who changed it cannot be known.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from tasks.documents import Drift, DriftChange
from tasks.model.desired import TenantId
from tasks.state.counts import REPAIRS
from tasks.state.store import Store


def repaired(store: Store, tenant: TenantId, replication: str, change: DriftChange, now: datetime) -> None:
    """Add what a daily replication has written in one go."""
    store.tally(f"{REPAIRS}{tenant.platform}")
    before = find(store, tenant)
    same = before is not None and before.replication == replication
    changes = (*(before.changes if before and same else ()), change)
    since = before.since if before and (same or before.differs) else now
    known = {"tenant": str(tenant), "mode": "repair", "differs": False, "since": since, "looked_at": now}
    _keep(store, Drift.model_validate({**known, "replication": replication, "changes": changes}))


def reported(store: Store, tenant: TenantId, changes: Iterable[DriftChange], now: datetime) -> None:
    """Keep what a look that writes nothing has found; nothing: all is right."""
    found, before = tuple(changes), find(store, tenant)
    if not found:
        forget(store, tenant)
        return
    since = before.since if before is not None and before.differs else now
    _keep(store, Drift(tenant=str(tenant), mode="report", differs=True, since=since, looked_at=now, changes=found))


def settled(store: Store, tenant: TenantId, replication: str, *, daily: bool) -> None:
    """Note that a replication has succeeded: AWS is as it should be."""
    before = find(store, tenant)
    if before is None or (before.replication == replication and not before.differs):
        return
    if daily:
        forget(store, tenant)
    elif before.differs:
        _keep(store, before.model_copy(update={"differs": False, "replication": replication}))


def find(store: Store, tenant: TenantId) -> Drift | None:
    """Read how a tenant differed; None: it did not."""
    found: str | None = store.redis.hget(_key(store), str(tenant))
    return Drift.model_validate_json(found) if found else None


def forget(store: Store, tenant: TenantId) -> None:
    """Drop what is known of a tenant."""
    store.redis.hdel(_key(store), str(tenant))


def listed(store: Store, platform: str | None = None) -> list[Drift]:
    """List what differs, or was repaired at the last look: of one platform or of all, by tenant."""
    rows: dict[str, str] = store.redis.hgetall(_key(store))
    return [
        Drift.model_validate_json(row)
        for name, row in sorted(rows.items())
        if platform is None or name.endswith(f".{platform}")
    ]


def _keep(store: Store, drift: Drift) -> None:
    store.redis.hset(_key(store), drift.tenant, drift.model_dump_json(by_alias=True))


def _key(store: Store) -> str:
    return f"{store.prefix}drift"
