"""Deleting tenants: ask for it, approve it, or decline it."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException, Request, Response, Security

from tasks.orders.deletion import NotPossible, approve, decline, request_deletion
from workers.api.dependencies import CurrentConnector, KnownTenant
from workers.api.openapi import ACCEPTED, responses
from workers.api.schemas import AcceptedView
from workers.api.security import BEARER
from workers.api.tenants import TENANT, accepted_answer

router = APIRouter(prefix="/api/v1/tenants", tags=["deletion"], dependencies=[Security(BEARER)])


@router.delete(
    TENANT,
    status_code=202,
    response_model=AcceptedView,
    operation_id="delete_tenant",
    summary="Delete a tenant",
    responses=ACCEPTED | responses(401, 403, 404, 503),
)
def delete_tenant(record: KnownTenant, connector: CurrentConnector, request: Request) -> Response:
    """Take its people's access away now; after the approval delete its groups and close its account.

    Whether a person must approve, and whether the account is closed, says its landing zone.
    """
    return accepted_answer(request_deletion(record, connector, by=request.scope["token"]), connector)


@router.post(
    f"{TENANT}/deletion/approve",
    status_code=202,
    response_model=AcceptedView,
    operation_id="approve_deletion",
    summary="Approve the request to delete a tenant",
    responses=ACCEPTED | responses(401, 403, 404, 409, 503),
)
def approve_deletion(record: KnownTenant, connector: CurrentConnector, request: Request) -> Response:
    """Let the deletion go on. This cannot be undone."""
    try:
        return accepted_answer(approve(record, connector, by=request.scope["token"]), connector)
    except NotPossible as error:
        raise HTTPException(409, str(error)) from error


@router.post(
    f"{TENANT}/deletion/decline",
    status_code=202,
    response_model=AcceptedView,
    operation_id="decline_deletion",
    summary="Decline the request to delete a tenant",
    responses=ACCEPTED | responses(401, 403, 404, 409, 503),
)
def decline_deletion(record: KnownTenant, connector: CurrentConnector, request: Request) -> Response:
    """Withdraw the request, as long as nobody has approved it, and give people their access back."""
    try:
        return accepted_answer(decline(record, connector, by=request.scope["token"]), connector)
    except NotPossible as error:
        raise HTTPException(409, str(error)) from error
