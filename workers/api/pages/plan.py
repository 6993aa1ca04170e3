"""A plan: what a replication of a tenant would change, step by step."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from sse_starlette import EventSourceResponse

from workers.api.dependencies import CurrentConnector, KnownTenant
from workers.api.pages.actions import path_of
from workers.api.pages.live import OpenStream, live
from workers.api.pages.rendering import PageRoute, html, page
from workers.api.pages.visitor import CurrentVisitor
from workers.api.plans import read_plan

PLAN = "/tenants/{workspace}/{project}/{platform}/plans/{plan_id}"

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get(PLAN)
def show_plan(
    request: Request, record: KnownTenant, plan_id: str, connector: CurrentConnector, visitor: CurrentVisitor
) -> Response:
    """Show it, or that a worker still plans."""
    live_at = f"/live{path_of(record.id)}/plans/{plan_id}"
    return page(request, visitor, "plan.html", tenant=record, live=live_at, asked=read_plan(plan_id, connector))


@router.get(f"/live{PLAN}")
def live_plan(
    request: Request,
    record: KnownTenant,
    plan_id: str,
    connector: CurrentConnector,
    visitor: CurrentVisitor,
    streams: OpenStream,
) -> EventSourceResponse:
    """Keep it live until a worker has answered."""
    del record
    return live(
        request, streams, lambda: {"page": html(request, visitor, "_plan.html", asked=read_plan(plan_id, connector))}
    )
