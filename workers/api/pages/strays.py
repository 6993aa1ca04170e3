"""Addresses that are no page: who comes with a browser gets a page with a way on, and no problem document."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from workers.api.pages.rendering import trouble
from workers.api.security import guarded

DETAILS = {
    404: "Nothing is at this address. It may be outdated or misspelled.",
    405: "A browser cannot open this address. Continue from the overview.",
}
DEFECT = "This is a bug in the connector. Check its log at this time."

Handler = Callable[[Request, Any], Response | Awaitable[Response]]


def add_handlers(app: FastAPI) -> None:
    """Answer people with pages, where the application's handlers answer programs."""
    app.add_exception_handler(HTTPException, _for_people(app.exception_handlers[HTTPException], _told))
    app.add_exception_handler(Exception, _for_people(app.exception_handlers[Exception], lambda _: (500, DEFECT)))


def wants_page(request: Request) -> bool:
    """Tell whether a person asks with a browser. A call of the API is a program's, whatever it accepts."""
    path = request.url.path.removeprefix(request.scope.get("root_path", ""))
    return not guarded(path) and "text/html" in request.headers.get("accept", "")


def _for_people(for_programs: Handler, told: Callable[[Any], tuple[int, str]]) -> Handler:
    async def answer(request: Request, error: Any) -> Response:
        if wants_page(request):
            return trouble(request, *told(error))
        answered = for_programs(request, error)
        return answered if isinstance(answered, Response) else await answered

    return answer


def _told(error: HTTPException) -> tuple[int, str]:
    return error.status_code, DETAILS.get(error.status_code, str(error.detail))
