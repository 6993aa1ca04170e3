"""What the daily replications found different."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Security

from workers.api.dependencies import CurrentConnector
from workers.api.openapi import responses
from workers.api.schemas import DriftView
from workers.api.security import BEARER

router = APIRouter(prefix="/api/v1", tags=["drift"], dependencies=[Security(BEARER)])

PlatformFilter = Annotated[str | None, Query(description="<platform>.<location>: only this one")]


@router.get(
    "/drift",
    operation_id="list_drift",
    summary="List tenants that differ, or differed in the last daily replication",
    responses=responses(401, 404, 503),
)
def list_drift(connector: CurrentConnector, platform: PlatformFilter = None) -> DriftView:
    """Show what was different since when, and whether it was repaired."""
    check_platform(platform, connector)
    return DriftView(tenants=connector.store.drifts.listed(platform))


def check_platform(platform: str | None, connector: CurrentConnector) -> None:
    """Answer 404 for a platform that is not configured."""
    if platform is not None and platform not in connector.catalog.platforms:
        raise HTTPException(404, f"Platform {platform} not found; known: {', '.join(connector.catalog.platforms)}.")
