"""Documents of the configuration that came over the API: platforms, landing zones, locations, tag definitions.

Each change raises their version, by which every process sees that it must read them anew (`tasks/in_force.py`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from tasks.state.database import Part


class Documents(Part):
    """Keeps documents. Raises redis.RedisError when Redis is away."""

    def version(self) -> str | None:
        """Return what changes whenever a document does; None: there has never been one."""
        found = self._redis.get(self._keys.documents_version)
        return None if found is None else str(found)

    def all(self) -> dict[str, dict[str, Any]]:
        """Read every document by its kind and name, in the order of these."""
        rows: dict[str, str] = self._redis.hgetall(self._keys.documents)
        return {name: json.loads(rows[name]) for name in sorted(rows)}

    def change(self, kept: Mapping[str, Mapping[str, Any]], removed: list[str]) -> None:
        """Keep documents by their kind and name, and remove some."""
        with self._redis.pipeline() as pipeline:
            if kept:
                pipeline.hset(
                    self._keys.documents,
                    mapping={name: json.dumps(each, sort_keys=True) for name, each in kept.items()},
                )
            if removed:
                pipeline.hdel(self._keys.documents, *removed)
            pipeline.set(self._keys.documents_version, uuid4().hex)  # a number would begin anew after a loss of Redis
            pipeline.execute()
