"""Whether this process lives, and whether orders would be taken. Who works on them is told, and is no condition."""

from __future__ import annotations

from fastapi import APIRouter

from tasks.state.work import alive_within
from workers.api.dependencies import CurrentConnector
from workers.api.openapi import responses
from workers.api.schemas import Readiness

router = APIRouter(tags=["health"])


@router.head("/healthz", include_in_schema=False)
@router.get("/healthz", operation_id="get_health", summary="Tell that this process is alive")
async def get_health() -> dict[str, str]:
    """Answer without asking anybody."""
    return {"status": "ok"}


@router.head("/readyz", include_in_schema=False)
@router.get(
    "/readyz",
    operation_id="get_readiness",
    summary="Tell whether orders are accepted",
    responses=responses(503),
)
def get_readiness(connector: CurrentConnector) -> Readiness:
    """Answer 200 when Redis takes writes, and with as many replicas as an order needs; orders wait without a worker."""
    store = connector.store
    store.server.check_writable()
    workers = store.work.workers(alive_within(connector.settings.pump_interval))
    return Readiness(workers=len(workers), rejected_messages=sum(store.counts.rejected().values()))
