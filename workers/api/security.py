"""Who may call: bearer tokens, of which the settings hold only the SHA-256. Source: RFC 6750.

It stands before the application, so that no route can forget it and a stranger learns nothing of a body's mistakes.
"""

from __future__ import annotations

from fastapi.security import HTTPBasic, HTTPBearer
from starlette._utils import get_route_path  # what the router itself takes: behind a prefix both must see the same path
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from config.api_token import ApiToken
from workers.api.problems import ProblemResponse, problem
from workers.api.scopes import needed
from workers.api.wrong_tokens import WrongTokens
from workers.tokens import bearer, find_token, password

GUARDED = "/api/"
METRICS = "/metrics"
MESH_OBJECTS = "/api/meshobjects"

# Only for OpenAPI: it puts the scheme into the document, the middleware below does the work.
BEARER = HTTPBearer(auto_error=False, description="A token of CONNECTOR_API_TOKENS; its scopes say what it may do.")
BASIC = HTTPBasic(auto_error=False, description="The same token as the password, with any user name.")


class Guard:
    """ASGI middleware: 401 without a known token, 429 for too many wrong ones, 403 where a scope is not enough.

    The tokens are the connector's, which the application has in its state once it has started.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on, or refuse it."""
        refusal = await self._refusal(scope) if scope["type"] == "http" and guarded(get_route_path(scope)) else None
        await (refusal or self.app)(scope, receive, send)

    async def _refusal(self, scope: Scope) -> ProblemResponse | None:
        tokens: tuple[ApiToken, ...] = scope["app"].state.connector.settings.api_tokens
        header, path = Headers(scope=scope).get("authorization"), get_route_path(scope)
        sent = bearer(header) or (password(header) if takes_password(path) else None)
        token = find_token(sent, tokens)
        if token is None:
            return await self._unknown(scope, guessed=sent is not None)
        scope["token"], scope["caller"] = token.name, token
        scopes = needed(scope["method"], path)
        if any(map(token.may, scopes)):
            return None
        either = sorted(scopes)
        detail = f"The token {token.name} may not do this; it needs the scope {' or '.join(either)}."
        challenge = f'Bearer realm="connector", error="insufficient_scope", scope="{" ".join(either)}"'
        return problem(scope["path"], 403, detail, headers={"WWW-Authenticate": challenge})

    async def _unknown(self, scope: Scope, *, guessed: bool) -> ProblemResponse:
        wrong: WrongTokens = scope["app"].state.wrong_tokens
        seconds = await wrong.count(scope.get("client")) if guessed else None
        if seconds is None:
            detail = "Send the header Authorization: Bearer <token> with a token that this connector knows."
            scheme = "Basic" if takes_password(get_route_path(scope)) else "Bearer"
            return problem(scope["path"], 401, detail, headers={"WWW-Authenticate": f'{scheme} realm="connector"'})
        detail = f"Too many wrong tokens came from your address. Try again in {seconds} s, with the right token."
        return problem(scope["path"], 429, detail, headers={"Retry-After": str(seconds)})


def takes_password(path: str) -> bool:
    """Tell whether the token may come as a password: from Prometheus, and from what was written for meshStack.

    A browser sends a password by itself. No page of another site can write with it: it would need a PUT with a media
    type of meshStack's, which browsers ask for first, and are never allowed.
    """
    return path in (METRICS, MESH_OBJECTS) or path.startswith(f"{MESH_OBJECTS}/")


def guarded(path: str) -> bool:
    """Tell whether a path needs a token."""
    return path.startswith(GUARDED) or path in (GUARDED.rstrip("/"), METRICS)
