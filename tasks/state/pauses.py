"""Pauses: a paused tenant or platform takes orders and stores them, and nothing runs for it until it is resumed.

A step that runs when the pause comes ends after its work as always; the next one does not begin, and the replication is
suspended. What it held in AWS's limits is given back after a minute, so that a pause of one tenant keeps nobody else
waiting. That also holds for deletions: a person who pauses wants that nothing is done.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from tasks.model.desired import Pause
from tasks.state.database import Part
from tasks.state.parameters import Resume
from tasks.state.records import json_of


class Pauses(Part):
    """Pauses and resumes. Raises redis.RedisError when Redis is away."""

    def pause(self, name: str, *, by: str | None = None, reason: str | None = None) -> Pause:
        """Pause a tenant or a platform; one that is paused already stays so, with its first reason."""
        wanted = Pause(paused_at=datetime.now(UTC), paused_by=by, reason=reason)
        self._database.promise(lambda client: client.hsetnx(self._keys.pauses, name, json_of(wanted)))
        return self.all().get(name, wanted)

    def resume(self, name: str) -> bool:
        """Let run again what was paused under the name of a tenant or a platform; False: it was not paused."""
        return bool(self._promise(Resume(name=name)))

    def all(self) -> dict[str, Pause]:
        """Read everything that is paused: the name of a tenant or a platform, and why."""
        rows: dict[str, str] = self._redis.hgetall(self._keys.pauses)
        return {name: Pause.model_validate_json(rows[name]) for name in sorted(rows)}

    def put_back(self, paused: Mapping[str, Pause]) -> None:
        """Put pauses back as they were; what is paused stays as it is."""
        for name, each in paused.items():
            self._redis.hsetnx(self._keys.pauses, name, json_of(each))
