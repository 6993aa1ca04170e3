"""Who has signed in on the pages. Of the cookie only its SHA-256 is kept: who reads Redis can enter no session."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from hashlib import sha256

from pydantic import TypeAdapter

from config.api_token import Scope
from tasks.state.database import Part
from tasks.state.keys import Keys


@dataclass(frozen=True)
class Session:
    """One person's stay."""

    name: str  # of the API token, or of the person
    proof: str  # SHA-256 of the token, or of the provider's settings: when those change, the session ends
    csrf: str  # stands in every form; another site cannot know it
    scopes: frozenset[Scope] = frozenset()  # of who came from an identity provider, and has no token


@dataclass(frozen=True)
class SignIn:
    """A sign-in that is under way at an identity provider."""

    there: str  # path of the page to show then
    nonce: str
    verifier: str  # of PKCE


class Sessions(Part):
    """Keeps sessions. Raises redis.RedisError when Redis is away."""

    def begin(self, name: str, proof: str, scopes: Iterable[Scope] = ()) -> str:
        """Begin a session; answers the cookie."""
        cookie = secrets.token_urlsafe(32)
        session = {"name": name, "proof": proof, "csrf": secrets.token_urlsafe(16), "scopes": sorted(scopes)}
        self._redis.set(self._key(cookie), json.dumps(session), px=Keys.session.ttl)
        return cookie

    def find(self, cookie: str) -> Session | None:
        """Read a session; None: there is none of that cookie, or it has ended."""
        found = self._redis.get(self._key(cookie))
        return SESSION.validate_json(found) if found else None

    def end(self, cookie: str) -> None:
        """End a session."""
        self._redis.delete(self._key(cookie))

    def keep_sign_in(self, state: str, asked: SignIn) -> None:
        """Keep what was asked of a provider, until it answers."""
        self._redis.set(self._keys.sign_in(_digest(state)), json.dumps(asdict(asked)), px=Keys.sign_in.ttl)

    def take_sign_in(self, state: str) -> SignIn | None:
        """Take what was asked, once; None: it was taken, or is too long ago."""
        found = self._redis.getdel(self._keys.sign_in(_digest(state)))
        return SignIn(**json.loads(found)) if found else None

    def _key(self, cookie: str) -> str:
        return self._keys.session(_digest(cookie))


def _digest(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()


SESSION = TypeAdapter(Session)
