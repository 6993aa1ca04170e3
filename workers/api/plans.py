"""Plans: let a worker find out what a replication would change, and show what it found."""

from __future__ import annotations

from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, Body, HTTPException, Path, Response, Security

from tasks import questions
from tasks.connector import Connector
from tasks.model.desired import Desired, TenantId
from tasks.orders.producer import RequestRefused, check
from tasks.questions.kinds import PLAN, plan_text
from workers.api.dependencies import CurrentConnector, NamedTenant, StrictRoute, known_tenant
from workers.api.openapi import ACCEPTED, responses
from workers.api.schemas import PlanView, plan_view
from workers.api.security import BEARER
from workers.api.tenants import TENANT

router = APIRouter(prefix="/api/v1", tags=["plans"], dependencies=[Security(BEARER)], route_class=StrictRoute)


@router.post(
    f"/tenants{TENANT}/plan",
    status_code=202,
    operation_id="plan_tenant",
    summary="Let a worker plan a replication",
    responses=ACCEPTED | responses(400, 401, 403, 404, 409, 413, 422, 503),
)
def post_plan(
    tenant: NamedTenant,
    connector: CurrentConnector,
    response: Response,
    desired: Annotated[Desired | None, Body(description="plan this order; none: the stored one")] = None,
) -> PlanView:
    """Find out what a replication would change, in AWS as it is now. Nothing is changed, and nothing is stored.

    Without a body it is the replication of what is stored: the deletion, where one was asked for.
    """
    asked = ask_for_plan(tenant, desired, connector)
    response.headers["Location"] = f"/api/v1/plans/{asked.id}"
    return asked


@router.get(
    "/plans/{plan_id}",
    operation_id="get_plan",
    summary="Show a plan",
    responses=responses(401, 404, 503),
)
def get_plan(
    plan_id: Annotated[str, Path(description="from the answer to the request")], connector: CurrentConnector
) -> PlanView:
    """Show each step with its changes, once a worker has planned them."""
    return read_plan(plan_id, connector)


def ask_for_plan(tenant: TenantId, desired: Desired | None, connector: Connector) -> PlanView:
    """Let a worker plan; refuses what a replication would be refused for."""
    _check(tenant, desired, connector)
    question = questions.ask(connector, PLAN, uuid4().hex, plan_text(tenant, desired))
    return plan_view(question.id.removeprefix(f"{PLAN}."), question)


def read_plan(plan_id: str, connector: Connector) -> PlanView:
    """Read a plan; answers 404 when it is unknown."""
    question = questions.look(connector, f"{PLAN}.{plan_id}")
    if question is None:
        raise HTTPException(404, f"Plan {plan_id} not found (plans are kept for an hour).")
    return plan_view(plan_id, question)


def _check(tenant: TenantId, desired: Desired | None, connector: Connector) -> None:
    """Refuse what a replication would be refused for."""
    if desired is not None:
        known = connector.store.tenants.find(tenant)
        if mistakes := tuple(check(tenant, desired, connector.catalog, connector.settings, known)):
            raise RequestRefused(mistakes)
        return
    record = known_tenant(tenant, connector)
    if record.deleted_at is not None:
        raise HTTPException(409, f"The tenant {tenant} was deleted at {record.deleted_at:%F %R} UTC. Order it (PUT).")
