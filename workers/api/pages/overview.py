"""The first page: what needs a person, what is under way, what holds it up, who works."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from sse_starlette import EventSourceResponse

from tasks.connector import Connector
from tasks.overview.overview import overview
from workers.api.dependencies import CurrentConnector
from workers.api.pages.costs import this_month
from workers.api.pages.live import OpenStream, live
from workers.api.pages.rendering import PageRoute, html, page
from workers.api.pages.visitor import CurrentVisitor

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/")
def show_overview(
    request: Request, connector: CurrentConnector, visitor: CurrentVisitor, wall: str | None = None
) -> Response:
    """Show it; `?wall` for a screen on the wall."""
    return page(request, visitor, "overview.html", wall=wall is not None, **_values(connector))


@router.get("/live/overview")
def live_overview(
    request: Request, connector: CurrentConnector, visitor: CurrentVisitor, streams: OpenStream
) -> EventSourceResponse:
    """Keep it live."""
    return live(request, streams, lambda: {"page": html(request, visitor, "_overview.html", **_values(connector))})


def _values(connector: Connector) -> dict[str, Any]:
    return {"overview": overview(connector), "costs": this_month(connector)}
