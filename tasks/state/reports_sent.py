"""Which usage reports meshStack has (`tasks/metering/sending.py`)."""

from __future__ import annotations

from tasks.state.database import Part
from tasks.state.keys import Keys


class ReportsSent(Part):
    """Keeps digests of reports. Raises redis.RedisError when Redis is away."""

    def digests(self, month: str) -> dict[str, str]:
        """Return the digest of every report of a month, by platform and account."""
        return dict(self._redis.hgetall(self._keys.reports_sent(month)))

    def note(self, month: str, name: str, digest: str) -> None:
        """Note what meshStack has taken."""
        key = self._keys.reports_sent(month)
        with self._redis.pipeline() as pipeline:
            pipeline.hset(key, name, digest)
            pipeline.pexpire(key, Keys.reports_sent.ttl)
            pipeline.execute()
