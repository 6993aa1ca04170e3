"""Pause and resume tenants and platforms, and show what is paused."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, HTTPException, Query, Request, Security

from tasks.connector import Connector
from tasks.model.desired import Text
from workers.api.dependencies import CurrentConnector, KnownTenant, StrictRoute
from workers.api.openapi import responses
from workers.api.platforms import KnownPlatform
from workers.api.schemas import PauseBody, PausedView, PausesView
from workers.api.security import BEARER
from workers.api.tenants import TENANT

router = APIRouter(prefix="/api/v1", tags=["pauses"], dependencies=[Security(BEARER)], route_class=StrictRoute)

Reason = Annotated[Text | None, Query(max_length=200, description="the same as in the body")]
Why = Annotated[PauseBody | None, Body()]
ANSWERS = responses(400, 401, 403, 404, 422, 503)
ANSWERS_OF_RESUME = responses(401, 403, 404, 409, 503)


@router.get("/pauses", operation_id="list_pauses", summary="Show what is paused", responses=responses(401, 503))
def get_pauses(connector: CurrentConnector) -> PausesView:
    """Show every paused tenant and platform."""
    shown = [PausedView(name=name, **each.model_dump()) for name, each in connector.store.pauses.all().items()]
    return PausesView(pauses=shown)


@router.post(f"/tenants{TENANT}/pause", operation_id="pause_tenant", summary="Pause a tenant", responses=ANSWERS)
def pause_tenant(
    record: KnownTenant, connector: CurrentConnector, request: Request, reason: Reason = None, body: Why = None
) -> PausedView:
    """Take its orders and run nothing for it, not even a deletion; a step that runs ends first."""
    return _pause(str(record.id), connector, request, _reason(body, reason))


@router.post(
    f"/tenants{TENANT}/resume",
    status_code=204,
    operation_id="resume_tenant",
    summary="Resume a tenant",
    responses=ANSWERS_OF_RESUME,
)
def resume_tenant(record: KnownTenant, connector: CurrentConnector) -> None:
    """Go on where it stood, with the newest order."""
    _resume(str(record.id), connector)


@router.post(
    "/platforms/{platform}/pause", operation_id="pause_platform", summary="Pause a platform", responses=ANSWERS
)
def pause_platform(
    platform: KnownPlatform, connector: CurrentConnector, request: Request, reason: Reason = None, body: Why = None
) -> PausedView:
    """Take orders for its tenants and run nothing for them; steps that run end first."""
    return _pause(platform, connector, request, _reason(body, reason))


@router.post(
    "/platforms/{platform}/resume",
    status_code=204,
    operation_id="resume_platform",
    summary="Resume a platform",
    responses=ANSWERS_OF_RESUME,
)
def resume_platform(platform: KnownPlatform, connector: CurrentConnector) -> None:
    """Go on with its tenants, but for those that are paused by their own name."""
    _resume(platform, connector)


def _reason(body: PauseBody | None, query: str | None) -> str | None:
    return body.reason if body is not None and body.reason else query


def _pause(name: str, connector: Connector, request: Request, reason: str | None) -> PausedView:
    made = connector.store.pauses.pause(name, by=request.scope["token"], reason=(reason or "").strip() or None)
    return PausedView(name=name, **made.model_dump())


def _resume(name: str, connector: Connector) -> None:
    if not connector.store.pauses.resume(name):
        raise HTTPException(409, f"{name} is not paused.")
