"""Who has signed in on the pages. Of the cookie only its SHA-256 is kept: who reads Redis can enter no session."""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass
from hashlib import sha256

from tasks.state.database import Part
from tasks.state.keys import Keys


@dataclass(frozen=True)
class Session:
    """One person's stay."""

    name: str  # of the API token
    proof: str  # its SHA-256: a token that is taken away or drawn anew ends its sessions
    csrf: str  # stands in every form; another site cannot know it


class Sessions(Part):
    """Keeps sessions. Raises redis.RedisError when Redis is away."""

    def begin(self, name: str, proof: str) -> str:
        """Begin a session; answers the cookie."""
        cookie = secrets.token_urlsafe(32)
        session = Session(name, proof, secrets.token_urlsafe(16))
        self._redis.set(self._key(cookie), json.dumps(asdict(session)), px=Keys.session.ttl)
        return cookie

    def find(self, cookie: str) -> Session | None:
        """Read a session; None: there is none of that cookie, or it has ended."""
        found = self._redis.get(self._key(cookie))
        return Session(**json.loads(found)) if found else None

    def end(self, cookie: str) -> None:
        """End a session."""
        self._redis.delete(self._key(cookie))

    def _key(self, cookie: str) -> str:
        return self._keys.session(sha256(cookie.encode()).hexdigest())
