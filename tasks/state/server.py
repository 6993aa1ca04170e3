"""The Redis server itself, for who examines whether it is set up as it must be (`tasks/doctor/our_side.py`)."""

from __future__ import annotations

from redis import ResponseError

from tasks.state.database import Part


class Server(Part):
    """Asks the server. Raises redis.RedisError when Redis is away."""

    def ping(self) -> None:
        """See that it answers."""
        self._redis.ping()

    def check_writable(self) -> None:
        """See that an order would be accepted now; changes nothing."""
        self._database.promise(lambda client: client.hdel(self._keys.counts, "nothing"))

    def setting(self, name: str) -> str | None:
        """Read one of its settings; None: a managed Redis does not say, or not to us."""
        try:
            found: dict[str, str] = self._redis.config_get(name)
        except ResponseError:
            return None
        return found.get(name)
