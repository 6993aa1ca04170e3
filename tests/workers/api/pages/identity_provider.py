"""A strict OpenID provider: it knows one client with its secret and its way back, and asks for PKCE and a nonce."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import uvicorn
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from tests.support.waiting import eventually

CLIENT, SECRET = "connector", "client-secret-of-the-page"


@cache
def first_key() -> RSAKey:
    """Draw the key that every provider of these tests begins with: to draw one takes longer than a sign-in."""
    return RSAKey.generate_key(2048, parameters={"kid": "one"})


@dataclass
class IdentityProvider:
    """What it says, and how it misbehaves."""

    claims: dict[str, Any] = field(
        default_factory=dict
    )  # added to the ID token, or in place of its own; None: left out
    algorithm: str = "RS256"
    away: bool = False
    url: str = ""
    key: RSAKey = field(default_factory=first_key)
    published: RSAKey | None = None  # another key than it signs with
    asked: dict[str, dict[str, str]] = field(default_factory=dict)  # by code
    nonsense: dict[str, Any] = field(default_factory=dict)  # what it answers instead, by path

    def configuration(self, _: Request) -> Response:
        if self.away:
            return Response(status_code=503)
        if "configuration" in self.nonsense:
            return JSONResponse(self.nonsense["configuration"])
        ends = {name: f"{self.url}/{name}" for name in ("authorization", "token")}
        return JSONResponse(
            {"issuer": self.url, "jwks_uri": f"{self.url}/keys", **{f"{k}_endpoint": v for k, v in ends.items()}}
        )

    def keys(self, _: Request) -> Response:
        if "keys" in self.nonsense:
            return JSONResponse(self.nonsense["keys"])
        return JSONResponse(KeySet([self.published or self.key]).as_dict(private=False))

    def authorization(self, request: Request) -> Response:
        """Sign everybody in at once, and send the browser back with a code."""
        asked = dict(request.query_params)
        assert asked["response_type"] == "code"
        assert asked["client_id"] == CLIENT
        assert "openid" in asked["scope"].split()
        assert asked["code_challenge_method"] == "S256"
        assert len(asked["nonce"]) >= 16
        assert len(asked["state"]) >= 16
        code = secrets.token_urlsafe(16)
        self.asked[code] = asked
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}", 303)

    async def token(self, request: Request) -> Response:
        """Trade a code, once, for whoever proves to have asked for it."""
        if "token" in self.nonsense:
            return JSONResponse(self.nonsense["token"])
        basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        sent = dict(parse_qsl((await request.body()).decode()))
        asked = self.asked.pop(sent.get("code", ""), None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(sent.get("code_verifier", "").encode()).digest())
        wrong = (
            request.headers.get("authorization") != f"Basic {basic}"
            or asked is None
            or sent["redirect_uri"] != asked["redirect_uri"]
            or challenge.decode().rstrip("=") != asked["code_challenge"]
        )
        if wrong or asked is None:
            return JSONResponse({"error": "invalid_grant"}, 400)
        now = int(time.time())
        own = {"iss": self.url, "aud": CLIENT, "sub": "1", "iat": now, "exp": now + 300, "nonce": asked["nonce"]}
        claims = {name: value for name, value in {**own, **self.claims}.items() if value is not None}
        return JSONResponse({"access_token": "a", "token_type": "Bearer", "id_token": self.signed(claims)})

    def signed(self, claims: dict[str, Any]) -> str:
        if self.algorithm == "none":
            parts = (json.dumps({"alg": "none"}), json.dumps(claims))
            return ".".join(base64.urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in parts) + "."
        return jwt.encode({"alg": self.algorithm, "kid": "one"}, claims, self.key)

    def code_of(self, address: str) -> str:
        """Return the code in an address to which it has sent a browser."""
        return dict(parse_qsl(urlsplit(address).query))["code"]


@contextmanager
def identity_provider() -> Iterator[IdentityProvider]:
    """Run one on loopback."""
    provider = IdentityProvider()
    routes = [
        Route("/.well-known/openid-configuration", provider.configuration),
        Route("/keys", provider.keys),
        Route("/authorization", provider.authorization),
        Route("/token", provider.token, methods=["POST"]),
    ]
    server = uvicorn.Server(uvicorn.Config(Starlette(routes=routes), port=0, log_config=None, access_log=False))
    thread = Thread(target=server.run, daemon=True)
    thread.start()
    try:
        eventually(lambda: server.started or not thread.is_alive())
        provider.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        yield provider
    finally:
        server.should_exit = True
        thread.join(60)
