"""Signing in with an API token, and out again."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from workers.api.dependencies import CurrentConnector
from workers.api.pages.rendering import PageRoute, go_to, page
from workers.api.pages.visitor import COOKIE, OwnForm, PostedForm
from workers.api.wrong_tokens import WrongTokens
from workers.tokens import find_token

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/sign-in")
def show_sign_in(
    request: Request, connector: CurrentConnector, there: Annotated[str, Query(alias="next")] = "/"
) -> Response:
    """Ask for a token."""
    return _form(request, connector, there)


@router.post("/sign-in")
async def sign_in(request: Request, connector: CurrentConnector, form: PostedForm) -> Response:
    """Begin a session, or say that the token is wrong."""
    there, token = form.get("next", "/"), find_token(form.get("token", "").strip(), connector.settings.api_tokens)
    if token is None:
        wrong: WrongTokens = request.app.state.wrong_tokens
        seconds = await wrong.count(request.scope.get("client"))
        if seconds is not None:
            return _form(
                request, connector, there, f"Too many wrong tokens came from here. Try again in {seconds} s.", 429
            )
        return _form(request, connector, there, "The connector does not know this token.", 401)
    cookie = await run_in_threadpool(connector.store.sessions.begin, token.name, token.sha256)
    return with_session(request, go_to(request, own_path(there)), cookie)


def with_session(request: Request, answer: Response, cookie: str) -> Response:
    """Give the browser its cookie."""
    answer.set_cookie(
        COOKIE,
        cookie,
        path=own_root(request),
        httponly=True,
        samesite="lax",  # a link from meshStack or a chat finds who has signed in; forms carry a secret of their own
        secure=request.url.scheme == "https",
    )
    return answer


@router.post("/sign-out")
def sign_out(request: Request, connector: CurrentConnector, form: OwnForm) -> Response:
    """End the session."""
    del form  # that it is the session's own is all that matters
    connector.store.sessions.end(request.cookies[COOKIE])
    answer = go_to(request, "/sign-in")
    answer.delete_cookie(COOKIE, path=own_root(request))
    return answer


def _form(
    request: Request, connector: CurrentConnector, there: str, wrong: str | None = None, status: int = 200
) -> Response:
    settings = connector.settings
    return page(
        request,
        None,
        "sign_in.html",
        status,
        next=own_path(there),
        wrong=wrong,
        tokens=bool(settings.api_tokens),
        company=settings.oidc_issuer is not None,
    )


def own_root(request: Request) -> str:
    """Return the path under which our pages are: the cookies' own."""
    return request.scope.get("root_path") or "/"


def own_path(there: str) -> str:
    r"""Return a path of ours, and never an address of somebody else.

    >>> [own_path(each) for each in ("/tenants?q=a", "//evil.example", "https://evil.example", "/\\evil.example")]
    ['/tenants?q=a', '/', '/', '/']
    """
    return there if there.startswith("/") and not there.startswith(("//", "/\\")) and there.isprintable() else "/"
