"""The accounts that no tenant owns."""

from __future__ import annotations

from fastapi import APIRouter, Security

from tasks.organization import unmanaged
from workers.api.dependencies import CurrentConnector
from workers.api.drift import PlatformFilter, check_platform
from workers.api.openapi import responses
from workers.api.schemas import UnmanagedView
from workers.api.security import BEARER

router = APIRouter(prefix="/api/v1", tags=["drift"], dependencies=[Security(BEARER)])


@router.get(
    "/unmanaged",
    operation_id="list_unmanaged",
    summary="List accounts that no tenant owns",
    responses=responses(401, 404, 503),
)
def list_unmanaged(connector: CurrentConnector, platform: PlatformFilter = None) -> UnmanagedView:
    """Show them as they were listed last: once a day or more often."""
    check_platform(platform, connector)
    return UnmanagedView(accounts=unmanaged.listed(connector, platform))
