"""Signing in with a company's identity provider: to it, and back with a code."""

from __future__ import annotations

import hmac
import secrets
from typing import Annotated

from authlib.common.errors import AuthlibBaseError
from fastapi import APIRouter, HTTPException, Query, Request, Response
from joserfc.errors import JoseError

from config.log import get_logger
from tasks.state.sessions import SignIn
from workers.api.dependencies import CurrentConnector
from workers.api.pages.provider import Provider, ProviderAway
from workers.api.pages.rendering import PageRoute, go_to
from workers.api.pages.sign_in import own_path, own_root, with_session
from workers.api.pages.visitor import provider_proof

BOUND_COOKIE = "connector_sign_in"  # the answer must come back to the browser that asked
BACK = "/sign-in/company/back"

router = APIRouter(route_class=PageRoute, include_in_schema=False)
log = get_logger(__name__)


@router.get("/sign-in/company")
def begin(request: Request, connector: CurrentConnector, there: Annotated[str, Query(alias="next")] = "/") -> Response:
    """Send the browser to the identity provider."""
    provider = _provider(request)
    state = secrets.token_urlsafe(32)
    asked = SignIn(own_path(there), secrets.token_urlsafe(24), secrets.token_urlsafe(48))
    try:
        address = provider.begin(_redirect(request), state, asked.nonce, asked.verifier)
    except ProviderAway as error:
        raise _away(error) from error
    connector.store.sessions.keep_sign_in(state, asked)
    answer = go_to(request, "/")
    answer.headers["Location"] = address
    answer.set_cookie(
        BOUND_COOKIE,
        state,
        max_age=600,
        path=own_root(request),
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )
    return answer


@router.get(BACK)
def end(
    request: Request,
    connector: CurrentConnector,
    state: str = "",
    code: str = "",
    iss: str = "",
    error: str = "",
) -> Response:
    """Take the code that the browser brings back, and begin a session."""
    provider = _provider(request)
    bound = hmac.compare_digest(request.cookies.get(BOUND_COOKIE, "").encode(), state.encode())
    asked = connector.store.sessions.take_sign_in(state) if state and bound else None
    if asked is None:
        raise HTTPException(403, "This sign-in was not started here, or it has expired. Start again.")
    if error or not code:
        log.warning("the identity provider did not sign somebody in", error=error[:100])
        raise HTTPException(403, f"The identity provider did not sign you in{f': {error[:100]}' if error else ''}.")
    if iss and iss.rstrip("/") != provider.issuer:
        raise HTTPException(403, "Another identity provider has answered. Nothing was done.")
    try:
        person = provider.finish(_redirect(request), code, asked.nonce, asked.verifier)
    except ProviderAway as away:
        raise _away(away) from away
    except (AuthlibBaseError, JoseError, ValueError) as wrong:
        log.warning("a sign-in was refused", error=f"{type(wrong).__name__}: {wrong}")
        raise HTTPException(403, "The identity provider's answer could not be verified. The log says why.") from wrong
    if not person.scopes:
        raise HTTPException(
            403, f"{person.name} is in no group that may use this page. CONNECTOR_OIDC_GROUPS lists those that may."
        )
    log.info("somebody signed in", person=person.name, scopes=sorted(person.scopes))
    cookie = connector.store.sessions.begin(person.name, provider_proof(connector.settings), person.scopes)
    answer = with_session(request, go_to(request, asked.there), cookie)
    answer.delete_cookie(BOUND_COOKIE, path=own_root(request))
    return answer


def _provider(request: Request) -> Provider:
    provider: Provider | None = request.app.state.provider
    if provider is None:
        raise HTTPException(404, "No identity provider is configured. Sign in with an API token.")
    return provider


def _redirect(request: Request) -> str:
    """Return our address for the way back, as it must be registered at the provider."""
    return f"{str(request.base_url).rstrip('/')}{BACK}"


def _away(error: ProviderAway) -> HTTPException:
    log.error("the identity provider cannot be used", error=str(error))
    return HTTPException(503, "The identity provider cannot be reached. Try again, or sign in with an API token.")
