"""What was replicated for a tenant, as long as records are kept."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Security

from workers.api.dependencies import CurrentConnector, KnownTenant
from workers.api.openapi import responses
from workers.api.schemas import HistoryView
from workers.api.security import BEARER
from workers.api.tenants import TENANT

LARGEST = 200  # replications; some 5 kB each

router = APIRouter(prefix="/api/v1/tenants", tags=["tenants"], dependencies=[Security(BEARER)])


@router.get(
    f"{TENANT}/replications",
    operation_id="list_replications",
    summary="Show the replications of a tenant",
    responses=responses(401, 404, 422, 503),
)
def get_history(
    record: KnownTenant, connector: CurrentConnector, size: Annotated[int, Query(ge=1, le=LARGEST)] = 50
) -> HistoryView:
    """Show its replications with every step, the newest first, for CONNECTOR_RETENTION_DAYS after their end."""
    return HistoryView(replications=connector.store.replications.history(record.id, size))
