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
    store.counts.add(f"{REPAIRS}{tenant.platform}")
    before = store.drifts.find(tenant)
    same = before is not None and before.replication == replication
    changes = (*(before.changes if before and same else ()), change)
    since = before.since if before and (same or before.differs) else now
    known = {"tenant": str(tenant), "mode": "repair", "differs": False, "since": since, "looked_at": now}
    store.drifts.keep(Drift.model_validate({**known, "replication": replication, "changes": changes}))


def reported(store: Store, tenant: TenantId, changes: Iterable[DriftChange], now: datetime) -> None:
    """Keep what a look that writes nothing has found; nothing: all is right."""
    found, before = tuple(changes), store.drifts.find(tenant)
    if not found:
        store.drifts.forget(tenant)
        return
    since = before.since if before is not None and before.differs else now
    drift = Drift(tenant=str(tenant), mode="report", differs=True, since=since, looked_at=now, changes=found)
    store.drifts.keep(drift)


def settled(store: Store, tenant: TenantId, replication: str, *, daily: bool) -> None:
    """Note that a replication has succeeded: AWS is as it should be."""
    before = store.drifts.find(tenant)
    if before is None or (before.replication == replication and not before.differs):
        return
    if daily:
        store.drifts.forget(tenant)
    elif before.differs:
        store.drifts.keep(before.model_copy(update={"differs": False, "replication": replication}))
