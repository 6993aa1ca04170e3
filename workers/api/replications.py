"""Replications: how one fares, and cancelling it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Path, Response, Security

from tasks.connector import Connector
from tasks.model.desired import TenantId
from tasks.model.replication import ENDED, Replication
from workers.api.dependencies import CurrentConnector
from workers.api.openapi import ACCEPTED, responses
from workers.api.security import BEARER

router = APIRouter(prefix="/api/v1/replications", tags=["replications"], dependencies=[Security(BEARER)])


def known_replication(
    replication_id: Annotated[str, Path(description="from the answer to the order")], connector: CurrentConnector
) -> Replication:
    """Return the replication that a path names; answers 404 when there is none."""
    return read(replication_id, connector)


KnownReplication = Annotated[Replication, Depends(known_replication)]


@router.get(
    "/{replication_id}",
    operation_id="get_replication",
    summary="Show a replication with every step",
    responses=responses(401, 404, 503),
)
def get_replication(replication: KnownReplication) -> Replication:
    """Show where a replication stands and what each step did."""
    return replication


@router.post(
    "/{replication_id}/cancel",
    status_code=202,
    operation_id="cancel_replication",
    summary="Cancel a replication",
    responses=ACCEPTED | responses(401, 403, 404, 409, 503),
)
def cancel_replication(replication: KnownReplication, connector: CurrentConnector, response: Response) -> Replication:
    """Cancel at once, or after the call that runs now. What AWS has already is left as it is."""
    cancel(TenantId.parse(replication.tenant), replication.id, connector)
    response.headers["Location"] = f"/api/v1/replications/{replication.id}"
    return read(replication.id, connector)


def cancel(tenant: TenantId, replication_id: str, connector: Connector) -> None:
    """Cancel a replication of a tenant; answers 409 when it has ended already."""
    before = connector.store.orders.cancel(replication_id)
    if before in ENDED:
        raise HTTPException(409, f"The replication {replication_id} has already ended: {before}.")
    connector.store.retries.forget(tenant)  # a person has stopped it


def read(replication_id: str, connector: Connector) -> Replication:
    """Read a replication with its tenant's account; answers 404 when it is unknown."""
    replication = connector.store.replications.find(replication_id)
    if replication is None:
        detail = f"Replication {replication_id} not found (unknown or expired)."
        raise HTTPException(404, detail)
    return replication
