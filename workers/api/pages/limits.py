"""One of AWS's limits: who has a place in it, and who waits for one."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, HTTPException, Request, Response
from sse_starlette import EventSourceResponse

from tasks.connector import Connector
from workers.api.dependencies import CurrentConnector
from workers.api.pages.live import OpenStream, live
from workers.api.pages.rendering import PageRoute, html, page
from workers.api.pages.visitor import CurrentVisitor

MOST = 200  # of those that wait

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/limits")
def show_limit(request: Request, connector: CurrentConnector, visitor: CurrentVisitor, name: str) -> Response:
    """Show one, by the name that the overview tells."""
    return page(
        request, visitor, "limit.html", live=f"/live/limits?{urlencode({'name': name})}", **_values(connector, name)
    )


@router.get("/live/limits")
def live_limit(
    request: Request, connector: CurrentConnector, visitor: CurrentVisitor, streams: OpenStream, name: str
) -> EventSourceResponse:
    """Keep it live."""
    return live(request, streams, lambda: {"page": html(request, visitor, "_limit.html", **_values(connector, name))})


def _values(connector: Connector, name: str) -> dict[str, Any]:
    limits = connector.store.limits
    usage = limits.usage().get(name)
    if usage is None:
        raise HTTPException(404, f"There is no limit {name[:200]}.")
    inside, waiting = limits.line(name, MOST)
    tenants = {
        each.id: each.tenant
        for each in connector.store.replications.those([*inside, *(replication for replication, _ in waiting)])
    }
    return {
        "name": name,
        "usage": usage,
        "inside": [tenants[each] for each in inside if each in tenants],
        "waiting": [(tenants[each], came) for each, came in waiting if each in tenants],
    }
