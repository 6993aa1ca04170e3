"""Who looks at a page: a person who has signed in with an API token, and may do what the token may.

The cookie is readable by no script and sent by no other site. What changes something must also carry the session's own
secret in its form.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fastapi import Depends, HTTPException, Request

from config.api_token import ApiToken
from config.settings import Settings
from tasks.connector import Connector
from tasks.state.sessions import Session
from workers.api.dependencies import CurrentConnector
from workers.api.scopes import needed

COOKIE = "connector_session"
ZONE_COOKIE = "zone"  # the browser's time zone, which page.js writes
CSRF = "csrf"
UTC_ZONE = ZoneInfo("UTC")
LONGEST_FORM = 16 * 1024  # bytes
FORM = "application/x-www-form-urlencoded"


class NotSignedIn(Exception):
    """Nobody has signed in, or the session has ended."""


@dataclass(frozen=True)
class Visitor:
    """A person who has signed in."""

    token: ApiToken
    csrf: str
    zone: ZoneInfo

    def may(self, method: str, path: str) -> bool:
        """Tell whether the API would allow them a request: the same table decides for both."""
        return any(map(self.token.may, needed(method, path)))


def current_visitor(request: Request, connector: CurrentConnector) -> Visitor:
    """Return who has signed in; raises NotSignedIn."""
    cookie = request.cookies.get(COOKIE)
    session = connector.store.sessions.find(cookie) if cookie else None
    token = _token(connector, session) if session else None
    if session is None or token is None:
        raise NotSignedIn
    request.scope["token"] = token.name  # for the access log, and for who asked
    return Visitor(token, session.csrf, zone_of(request))


CurrentVisitor = Annotated[Visitor, Depends(current_visitor)]


def _token(connector: Connector, session: Session) -> ApiToken | None:
    """Return what somebody signed in with, if it still holds; who came from a provider has what it said then."""
    settings = connector.settings
    if session.scopes:
        same = hmac.compare_digest(session.proof, provider_proof(settings))
        return ApiToken(name=session.name, scopes=session.scopes, sha256="") if same and settings.oidc_issuer else None
    named = (each for each in settings.api_tokens if each.name == session.name)
    return next((each for each in named if hmac.compare_digest(each.sha256, session.proof)), None)


def provider_proof(settings: Settings) -> str:
    """Return what ends the sessions of people when it changes: the provider, and what its groups may do."""
    groups = sorted((name, sorted(scopes)) for name, scopes in settings.oidc_groups.items())
    return sha256(f"{settings.oidc_issuer} {settings.oidc_client_id} {groups}".encode()).hexdigest()


def zone_of(request: Request) -> ZoneInfo:
    """Return the time zone that the browser has told, or UTC."""
    try:
        return ZoneInfo(request.cookies.get(ZONE_COOKIE) or "UTC")
    except (ValueError, OSError, ZoneInfoNotFoundError):  # anybody may write anything into a cookie
        return UTC_ZONE


async def posted(request: Request) -> dict[str, str]:
    """Read a form that one of our own pages sent."""
    if not _is_from_here(request):
        raise HTTPException(403, "This form came from another site. Nothing was done.")
    if not request.headers.get("content-type", "").startswith(FORM):
        raise HTTPException(415, "Send a form.")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LONGEST_FORM:
            raise HTTPException(413, "This form is too long.")
    return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))


def _is_from_here(request: Request) -> bool:
    """Tell whether one of our own pages sent a form. Without TLS a browser names its origin only, not what it is to us.

    A proxy may have another name for us than the browser has; no page can choose the header in which it tells.
    """
    told = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if told is not None or origin is None:
        return told in (None, "same-origin", "none")
    return origin.partition("://")[2] in {request.headers.get(each) for each in ("host", "x-forwarded-host")}


PostedForm = Annotated[dict[str, str], Depends(posted)]


def own_form(form: PostedForm, visitor: CurrentVisitor) -> dict[str, str]:
    """Return a form of this session; answers 403 to any other."""
    if not hmac.compare_digest(form.get(CSRF, "").encode(), visitor.csrf.encode()):
        raise HTTPException(
            403, "This form is not of your session any more. Go back, load the page again, and repeat it."
        )
    return form


OwnForm = Annotated[dict[str, str], Depends(own_form)]
