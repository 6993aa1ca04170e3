"""What happens to a tenant, for who follows it: each entry of its stream has `data`, a JSON document with a `type`.

The scripts write there too: every transition of a replication is an event. The API reads the stream by `Keys.events`,
because whoever follows it waits, and holds no thread meanwhile (`workers/api/events.py`).
"""

from __future__ import annotations

import json
from typing import Any

from tasks.model.desired import TenantId
from tasks.state.database import Part
from tasks.state.parameters import milliseconds
from tasks.state.records import compact


class Events(Part):
    """Writes and reads events. Raises redis.RedisError when Redis is away."""

    def emit(self, tenant: TenantId, event: dict[str, Any]) -> None:
        """Append to the tenant's events."""
        key = self._keys.events(tenant)
        with self._redis.pipeline() as pipeline:
            pipeline.xadd(key, {"data": compact(event)}, maxlen=self._database.history, approximate=True)
            pipeline.pexpire(key, milliseconds(self._database.retention))
            pipeline.execute()

    def newest(self, tenant: TenantId, most: int) -> list[dict[str, Any]]:
        """Read the newest events of a tenant, the newest first."""
        rows = self._redis.xrevrange(self._keys.events(tenant), count=most)
        return [json.loads(fields["data"]) for _, fields in rows]
