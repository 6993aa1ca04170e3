"""Rollouts: begin one, and see how it fares."""

from __future__ import annotations

from collections import Counter
from typing import Any

from fastapi import APIRouter, HTTPException, Request, Response
from sse_starlette import EventSourceResponse

from tasks.connector import Connector
from tasks.model.replication import State
from tasks.orders.rollout import UnknownLandingZone, find_rollout, newest_rollouts, roll_out
from tasks.state.tenants import Selection
from workers.api.dependencies import CurrentConnector
from workers.api.pages.live import OpenStream, live
from workers.api.pages.rendering import PageRoute, go_to, html, page
from workers.api.pages.visitor import CurrentVisitor, OwnForm

LISTED = 20

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/rollouts")
def show_rollouts(request: Request, connector: CurrentConnector, visitor: CurrentVisitor) -> Response:
    """List landing zones with their tenants, and the newest rollouts."""
    zones = [
        {
            "zone": zone,
            "tenants": connector.store.tenants.page(Selection(landing_zone=name), 0, 1)[1],
            "may": visitor.may("POST", f"/api/v1/landing-zones/{name}/rollouts"),
        }
        for name, zone in sorted(connector.catalog.landing_zones.items())
    ]
    return page(request, visitor, "rollouts.html", zones=zones, rollouts=newest_rollouts(connector, LISTED))


@router.post("/rollouts")
def begin_rollout(request: Request, connector: CurrentConnector, visitor: CurrentVisitor, form: OwnForm) -> Response:
    """Replicate every tenant of a landing zone."""
    zone = form.get("zone", "")
    if not visitor.may("POST", f"/api/v1/landing-zones/{zone}/rollouts"):
        raise HTTPException(403, f"The token {visitor.token.name} may not do this. Nothing was done.")
    try:
        made = roll_out(zone, None, connector, by=visitor.token.name)
    except UnknownLandingZone as error:
        raise HTTPException(404, str(error)) from error
    return go_to(request, f"/rollouts/{made.id}")


@router.get("/rollouts/{rollout}")
def show_rollout(request: Request, rollout: str, connector: CurrentConnector, visitor: CurrentVisitor) -> Response:
    """Show how it fares."""
    return page(request, visitor, "rollout.html", live=f"/live/rollouts/{rollout}", **_values(connector, rollout))


@router.get("/live/rollouts/{rollout}")
def live_rollout(
    request: Request, rollout: str, connector: CurrentConnector, visitor: CurrentVisitor, streams: OpenStream
) -> EventSourceResponse:
    """Keep it live."""
    return live(
        request, streams, lambda: {"page": html(request, visitor, "_rollout.html", **_values(connector, rollout))}
    )


def _values(connector: Connector, rollout: str) -> dict[str, Any]:
    progress = find_rollout(rollout, connector)
    if progress is None:
        raise HTTPException(404, "Rollout not found (unknown or expired).")
    states = Counter(each.state for each in progress.replications)
    failed = [each for each in progress.replications if each.state is State.FAILED]
    return {"rollout": progress.rollout, "states": states, "failed": failed, "total": len(progress.replications)}
