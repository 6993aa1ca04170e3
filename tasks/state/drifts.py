"""How tenants differed from what is wanted, as the last daily look found it (`tasks/daily/drift.py`)."""

from __future__ import annotations

import json
from collections import Counter

from tasks.documents import Drift
from tasks.model.desired import TenantId
from tasks.state.database import Part


class Drifts(Part):
    """Keeps drifts. Raises redis.RedisError when Redis is away."""

    def keep(self, drift: Drift) -> None:
        """Keep how a tenant differs, or differed."""
        self._redis.hset(self._keys.drift, drift.tenant, drift.model_dump_json(by_alias=True))

    def find(self, tenant: TenantId) -> Drift | None:
        """Read how a tenant differed; None: it did not."""
        found: str | None = self._redis.hget(self._keys.drift, str(tenant))
        return Drift.model_validate_json(found) if found else None

    def forget(self, tenant: TenantId) -> None:
        """Drop what is known of a tenant."""
        self._redis.hdel(self._keys.drift, str(tenant))

    def listed(self, platform: str | None = None) -> list[Drift]:
        """List what differs, or was repaired at the last look: of one platform or of all, by tenant."""
        rows: dict[str, str] = self._redis.hgetall(self._keys.drift)
        return [
            Drift.model_validate_json(row)
            for name, row in sorted(rows.items())
            if platform is None or name.endswith(f".{platform}")
        ]

    def numbers(self) -> Counter[tuple[str, bool]]:
        """Count the tenants of which there is one, by platform, and by whether they differ still."""
        return Counter(
            (name.partition(".")[2].partition(".")[2], bool(json.loads(row)["differs"]))
            for name, row in self._redis.hgetall(self._keys.drift).items()
        )
