"""Pauses: a paused tenant or platform takes orders and stores them, and nothing runs for it until it is resumed.

A step that runs when the pause comes ends after its work as always; the next one does not begin. What the replication
held in AWS's limits is given back after a minute, so that a pause of one tenant keeps nobody else waiting. That also
holds for deletions: a person who pauses wants that nothing is done.
"""

from __future__ import annotations

from datetime import UTC, datetime

from tasks.model.desired import Pause
from tasks.state.store import Store


def pause(store: Store, name: str, *, by: str | None = None, reason: str | None = None) -> Pause:
    """Pause a tenant or a platform; one that is paused already stays so, with its first reason."""
    wanted = Pause(paused_at=datetime.now(UTC), paused_by=by, reason=reason)
    store.redis.hsetnx(_key(store), name, wanted.model_dump_json(by_alias=True, exclude_none=True))
    return pauses(store).get(name, wanted)


def pauses(store: Store) -> dict[str, Pause]:
    """Read everything that is paused: the name of a tenant or a platform, and why."""
    rows: dict[str, str] = store.redis.hgetall(_key(store))
    return {name: Pause.model_validate_json(rows[name]) for name in sorted(rows)}


def put_back(store: Store, paused: dict[str, Pause]) -> None:
    """Put pauses back as they were; what is paused stays as it is."""
    for name, each in paused.items():
        store.redis.hsetnx(_key(store), name, each.model_dump_json(by_alias=True, exclude_none=True))


def _key(store: Store) -> str:
    return f"{store.prefix}pauses"
