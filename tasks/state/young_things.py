"""What was made or deleted in an organization a moment ago: what AWS shows of it is not believed yet.

See `tasks/aws/visibility.py`.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from tasks.state.database import Part
from tasks.state.keys import Keys


class YoungThings(Part):
    """Names of young things, and of what is gone since a moment ago, by the management account of an organization."""

    def note(self, organization: str, names: Collection[str], now: datetime) -> None:
        """Note that these were made now."""
        self._note(self._keys.young(organization), names, now)
        self._redis.zrem(self._keys.gone(organization), *names)

    def forget(self, organization: str, names: Collection[str]) -> None:
        """Note that these are gone."""
        self._redis.zrem(self._keys.young(organization), *names)

    def bury(self, organization: str, name: str, now: datetime) -> None:
        """Note that this was deleted now."""
        self._note(self._keys.gone(organization), [name], now)

    def any_of(self, organization: str, names: Collection[str], since: datetime) -> bool:
        """Tell whether one of these was made then or later."""
        made = self._redis.zmscore(self._keys.young(organization), list(names))
        return any(each is not None and each >= since.timestamp() for each in made)

    def is_gone(self, organization: str, name: str, since: datetime) -> bool:
        """Tell whether this was deleted then or later."""
        at = self._redis.zscore(self._keys.gone(organization), name)
        return at is not None and at >= since.timestamp()

    def _note(self, key: str, names: Collection[str], now: datetime) -> None:
        with self._redis.pipeline() as pipeline:
            pipeline.zadd(key, dict.fromkeys(names, now.timestamp()))
            pipeline.zremrangebyscore(key, "-inf", (now - Keys.young.ttl).timestamp())
            pipeline.pexpire(key, Keys.young.ttl)
            pipeline.execute()
