"""The overview: what needs a person, what is under way, what holds it up, who works."""

from __future__ import annotations

from fastapi import APIRouter, Security

from tasks.documents import Overview
from tasks.overview.overview import overview
from workers.api.dependencies import CurrentConnector
from workers.api.openapi import responses
from workers.api.security import BEARER

router = APIRouter(prefix="/api/v1", tags=["health"], dependencies=[Security(BEARER)])


@router.get(
    "/overview", operation_id="get_overview", summary="Show an overview for operators", responses=responses(401, 503)
)
def get_overview(connector: CurrentConnector) -> Overview:
    """Show what needs a person, grouped by its cause, and everything else that the first page shows."""
    return overview(connector)
