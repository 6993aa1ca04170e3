"""Whether this process lives, and whether orders would be taken and worked on."""

from __future__ import annotations

from datetime import timedelta

from fastapi import APIRouter, Request, Response

from workers.api.dependencies import CurrentConnector
from workers.api.openapi import responses
from workers.api.problems import RETRY_SECONDS, problem
from workers.api.schemas import Readiness

SILENCE = timedelta(seconds=5)  # at least; a worker that has paused for less is only busy
LOOKS = 10  # a worker that has missed so many looks at the due index is gone

router = APIRouter(tags=["health"])


@router.get("/healthz", operation_id="get_health", summary="Tell that this process lives")
async def get_health() -> dict[str, str]:
    """Answer without asking anybody."""
    return {"status": "ok"}


@router.get(
    "/readyz",
    operation_id="get_readiness",
    summary="Tell whether Redis and workers are there",
    response_model=Readiness,
    responses=responses(503),
)
def get_readiness(request: Request, connector: CurrentConnector) -> Readiness | Response:
    """Answer 200 when Redis answers and at least one worker has looked for work lately."""
    within = max(SILENCE, LOOKS * connector.settings.pump_interval)
    workers = len(connector.store.work.workers(within))
    if workers:
        return Readiness(workers=workers, rejected_messages=sum(connector.store.counts.rejected().values()))
    detail = (
        f"No worker has looked for work in {within.total_seconds():g} s. Orders are taken and wait. Start a worker."
    )
    return problem(request.url.path, 503, detail, headers={"Retry-After": str(RETRY_SECONDS)})
