"""How far the pull from meshStack is (`tasks/meshobjects/pull.py`)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from tasks.model.desired import TenantId
from tasks.state.database import Part


class PullState(BaseModel):
    """Up to where meshStack was read."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    found_at: datetime | None = None  # when it was last found out what to look at
    full_at: datetime | None = None  # when all tenants were listed last
    events_until: datetime | None = None  # up to when events were read
    seen: tuple[str, ...] = ()  # UUIDs of the events of the last minutes
    not_before: datetime | None = None  # when meshStack may be asked again


class Pulls(Part):
    """Keeps the state of the pull. Raises redis.RedisError when Redis is away."""

    def state(self) -> PullState:
        """Read how far it is."""
        found = self._redis.get(self._keys.pull)
        return PullState() if found is None else PullState.model_validate_json(found)

    def note(self, state: PullState, workspaces: Iterable[str] = (), now: datetime | None = None) -> None:
        """Write how far it is, and which workspaces are to be looked at, at once."""
        due = dict.fromkeys(workspaces, now.timestamp() if now is not None else 0.0)
        with self._redis.pipeline() as pipeline:
            pipeline.set(self._keys.pull, state.model_dump_json(exclude_defaults=True))
            if due:
                pipeline.zadd(self._keys.pull_due, due, nx=True)
            pipeline.execute()

    def due(self, most: int) -> list[str]:
        """Name workspaces that are to be looked at, those first that wait longest."""
        return [str(each) for each in self._redis.zrange(self._keys.pull_due, 0, most - 1)]

    def looked_at(self, workspace: str) -> None:
        """Note that a workspace was looked at."""
        self._redis.zrem(self._keys.pull_due, workspace)

    def tenants(self) -> list[TenantId]:
        """Name every tenant that the pull has ordered."""
        return [TenantId.parse(str(name)) for name in self._redis.hkeys(self._keys.pulled)]

    def note_untold(self, tenant: TenantId) -> None:
        """Note that meshStack knows no account of a tenant."""
        self._redis.sadd(self._keys.untold, str(tenant))

    def untold(self, most: int) -> list[TenantId]:
        """Name tenants whose accounts are still to be told; where there are more, by chance: each has its turn."""
        return [TenantId.parse(str(name)) for name in sorted(self._redis.srandmember(self._keys.untold, most))]

    def told(self, tenant: TenantId) -> None:
        """Note that nothing is to be told of a tenant any more."""
        self._redis.srem(self._keys.untold, str(tenant))

    def digest(self, tenant: TenantId) -> str | None:
        """Return what the pull ordered last of a tenant, as a digest."""
        found = self._redis.hget(self._keys.pulled, str(tenant))
        return None if found is None else str(found)

    def note_digest(self, tenant: TenantId, digest: str) -> None:
        """Note what was ordered of a tenant."""
        self._redis.hset(self._keys.pulled, str(tenant), digest)
