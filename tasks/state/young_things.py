"""What was made in an organization a moment ago, so that "not found" is not believed yet: `tasks/aws/visibility.py`."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from tasks.state.database import Part
from tasks.state.keys import Keys


class YoungThings(Part):
    """Names of young things, by the management account of their organization."""

    def note(self, organization: str, names: Collection[str], now: datetime) -> None:
        """Note that these were made now."""
        key = self._keys.young(organization)
        with self._redis.pipeline() as pipeline:
            pipeline.zadd(key, dict.fromkeys(names, now.timestamp()))
            pipeline.zremrangebyscore(key, "-inf", (now - Keys.young.ttl).timestamp())
            pipeline.pexpire(key, Keys.young.ttl)
            pipeline.execute()

    def forget(self, organization: str, names: Collection[str]) -> None:
        """Note that these are gone."""
        self._redis.zrem(self._keys.young(organization), *names)

    def any_of(self, organization: str, names: Collection[str], since: datetime) -> bool:
        """Tell whether one of these was made then or later."""
        made = self._redis.zmscore(self._keys.young(organization), list(names))
        return any(each is not None and each >= since.timestamp() for each in made)
