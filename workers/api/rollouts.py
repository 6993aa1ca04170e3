"""Rollouts: replicate every tenant of a landing zone after it was changed, and see how that fares."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Query, Request, Response, Security

from tasks.orders.rollout import UnknownLandingZone, find_rollout, look_at, roll_out
from workers.api.dependencies import CurrentConnector
from workers.api.openapi import ACCEPTED, responses
from workers.api.schemas import RolloutView, rollout_view
from workers.api.security import BEARER

router = APIRouter(prefix="/api/v1", tags=["rollouts"], dependencies=[Security(BEARER)])


@router.post(
    "/landing-zones/{landing_zone}/rollouts",
    status_code=202,
    operation_id="roll_out",
    summary="Replicate every tenant of a landing zone",
    responses=ACCEPTED | responses(401, 403, 404, 422, 503),
)
def post_rollout(
    landing_zone: Annotated[str, Path(examples=["production"])],
    connector: CurrentConnector,
    request: Request,
    response: Response,
    platform: Annotated[str | None, Query(description="<platform>.<location>: only tenants of this one")] = None,
) -> RolloutView:
    """Replicate with the desired states that are stored and the landing zone as the workers know it now.

    A tenant whose replication has begun, and passed a step already, is replicated once more after it. Tenants that are
    being deleted, or paused, are left out; `paused` names the latter.
    """
    try:
        rollout = roll_out(landing_zone, platform, connector, by=request.scope["token"])
    except UnknownLandingZone as error:
        raise HTTPException(404, str(error)) from error
    response.headers["Location"] = f"/api/v1/rollouts/{rollout.id}"
    return rollout_view(look_at(rollout, connector))


@router.get(
    "/rollouts/{rollout_id}",
    operation_id="get_rollout",
    summary="Show the progress of a rollout",
    responses=responses(401, 404, 503),
)
def get_rollout(
    rollout_id: Annotated[str, Path(description="from the answer to the rollout")], connector: CurrentConnector
) -> RolloutView:
    """Show every replication of the rollout, with what failed and what it does now."""
    progress = find_rollout(rollout_id, connector)
    if progress is None:
        detail = f"Rollout {rollout_id} not found (unknown or expired)."
        raise HTTPException(404, detail)
    return rollout_view(progress)
