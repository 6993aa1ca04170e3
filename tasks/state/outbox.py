"""Messages to people: the alerts they are made of, and those that the receiver has not taken (`tasks/notifications`).

The script `record` adds an alert with the record of the step that it comes from. Documents are JSON text here.
"""

from __future__ import annotations

from collections.abc import Iterable

from tasks.state.database import Part
from tasks.state.keys import Keys

MOST_ALERTS = 10_000  # as in state/lua/shared/alerts.lua


class Outbox(Part):
    """Keeps alerts and messages. Raises redis.RedisError when Redis is away."""

    def add(self, alert: str) -> None:
        """Add an alert that comes with no record; while nobody takes them the oldest are dropped."""
        self._redis.xadd(self._keys.alerts, {"data": alert}, maxlen=MOST_ALERTS, approximate=True)

    def alerts(self) -> list[tuple[str, str]]:
        """Read the alerts that are not in a message yet, the oldest first: id (milliseconds, a dash, ...) and alert."""
        return [(identifier, fields["data"]) for identifier, fields in self._redis.xrange(self._keys.alerts)]

    def write(self, message: str, document: str, alerts: Iterable[str], mute: str | None, now: str) -> None:
        """Make a message of alerts, whole or not at all.

        message   its id
        alerts    ids of the alerts that it is made of
        mute      what group of alerts is muted for a while from now on; None: none
        """
        with self._redis.pipeline() as pipeline:
            pipeline.hset(self._keys.outbox, message, document)
            pipeline.xdel(self._keys.alerts, *alerts)
            if mute is not None:
                pipeline.set(self._keys.muted(mute), now, px=Keys.muted.ttl)
            pipeline.execute()

    def is_muted(self, group: str) -> bool:
        """Tell whether alerts of a group wait, because a message of many of them was written lately."""
        return bool(self._redis.exists(self._keys.muted(group)))

    def messages(self) -> list[str]:
        """Read the messages that wait."""
        return list(self._redis.hvals(self._keys.outbox))

    def number(self) -> int:
        """Count the messages that wait."""
        return int(self._redis.hlen(self._keys.outbox))

    def put(self, message: str, document: str) -> None:
        """Write what has become of a message that waits."""
        self._redis.hset(self._keys.outbox, message, document)

    def remove(self, message: str) -> None:
        """Remove a message that was taken, or is given up."""
        self._redis.hdel(self._keys.outbox, message)
