"""Who may call: bearer tokens, of which the settings hold only the SHA-256. Source: RFC 6750.

It stands before the application, so that no route can forget it and a stranger learns nothing of a body's mistakes.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from hashlib import sha256

from fastapi.security import HTTPBearer
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from config.settings import ApiToken
from workers.api.problems import ProblemResponse, problem
from workers.api.wrong_tokens import WrongTokens

GUARDED = "/api/"
READING = frozenset({"GET", "HEAD", "OPTIONS"})
LONGEST_TOKEN = 4096  # characters; nobody's token is longer, and hashing costs time

# Only for OpenAPI: it puts the scheme into the document, the middleware below does the work.
BEARER = HTTPBearer(auto_error=False, description="A token of CONNECTOR_API_TOKENS. Scope write includes read.")


class Guard:
    """ASGI middleware: 401 without a known token, 429 for too many wrong ones, 403 where a scope is not enough.

    The tokens are the connector's, which the application has in its state once it has started.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on, or refuse it."""
        refusal = await self._refusal(scope) if scope["type"] == "http" and guarded(scope["path"]) else None
        await (refusal or self.app)(scope, receive, send)

    async def _refusal(self, scope: Scope) -> ProblemResponse | None:
        tokens: tuple[ApiToken, ...] = scope["app"].state.connector.settings.api_tokens
        header = Headers(scope=scope).get("authorization")
        token = find_token(header, tokens)
        if token is None:
            return await self._unknown(scope, guessed=bearer(header) is not None)
        scope["token"] = token.name
        if token.scope == "write" or scope["method"] in READING:
            return None
        detail = f"The token {token.name} may only read; this call needs one with the scope write."
        challenge = 'Bearer realm="connector", error="insufficient_scope", scope="write"'
        return problem(scope["path"], 403, detail, headers={"WWW-Authenticate": challenge})

    async def _unknown(self, scope: Scope, *, guessed: bool) -> ProblemResponse:
        wrong: WrongTokens = scope["app"].state.wrong_tokens
        seconds = await wrong.count(scope.get("client")) if guessed else None
        if seconds is None:
            detail = "Send the header Authorization: Bearer <token> with a token that this connector knows."
            return problem(scope["path"], 401, detail, headers={"WWW-Authenticate": 'Bearer realm="connector"'})
        detail = f"Too many wrong tokens came from your address. Try again in {seconds} s, with the right token."
        return problem(scope["path"], 429, detail, headers={"Retry-After": str(seconds)})


def guarded(path: str) -> bool:
    """Tell whether a path needs a token."""
    return path.startswith(GUARDED) or path == GUARDED.rstrip("/")


def find_token(header: str | None, tokens: Iterable[ApiToken]) -> ApiToken | None:
    """Return the configured token that an Authorization header carries; compares all, in the same time for each."""
    value = bearer(header)
    if value is None or len(value) > LONGEST_TOKEN:
        return None
    digest = sha256(value.encode()).hexdigest()
    matches = [token for token in tokens if hmac.compare_digest(token.sha256, digest)]
    return matches[0] if matches else None


def bearer(header: str | None) -> str | None:
    """Return the token that an Authorization header carries; None: it carries none."""
    scheme, _, value = (header or "").partition(" ")
    return value.strip() or None if scheme.lower() == "bearer" else None
