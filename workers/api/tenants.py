"""Orders: take a tenant's desired state, show tenants, replicate them again."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Body, Depends, Query, Request, Response, Security
from pydantic import AwareDatetime
from starlette.concurrency import run_in_threadpool

from tasks.connector import Connector
from tasks.in_force import InForce
from tasks.model.desired import Desired, TenantId
from tasks.model.replication import Held, State
from tasks.orders.on_loop import replicate_on_loop
from tasks.orders.producer import Accepted, replicate, replicate_again
from tasks.orders.withdrawn import still_in
from tasks.overview.held import held
from tasks.state.tenants import Selection
from workers.api.dependencies import CurrentConnector, KnownTenant, NamedTenant, OwnInForce, StrictRoute, json_body
from workers.api.openapi import ACCEPTED, responses
from workers.api.schemas import AcceptedView, AgainBody, TenantPage, TenantView, page_of, tenant_row, tenant_view
from workers.api.security import BEARER

Filter = StrEnum("Filter", [(each.name, each.value) for each in (*State, *Held)])  # type: ignore[misc]  # made of both
LARGEST_PAGE = 1000  # rows; as meshStack
TENANT = "/{workspace}/{project}/{platform}"

router = APIRouter(prefix="/api/v1/tenants", tags=["tenants"], dependencies=[Security(BEARER)], route_class=StrictRoute)

EXAMPLE = {
    "landingZone": "development",
    "workspace": {"displayName": "Likvid Bank", "tags": {"costCenter": ["4711"]}},
    "project": {"displayName": "Web shop", "tags": {"environment": ["dev"]}, "createdBy": {"email": "ada@example.com"}},
    "paymentMethod": "likvid-main",
    "access": [{"username": "ada", "email": "ada@example.com", "euid": "ada@example.com", "roles": ["admin"]}],
}


@router.put(
    TENANT,
    status_code=202,
    response_model=AcceptedView,
    operation_id="put_tenant",
    summary="Order a tenant, or change its order",
    dependencies=[Depends(json_body)],
    responses=ACCEPTED | responses(400, 401, 403, 413, 415, 422, 503),
)
async def put_tenant(
    tenant: NamedTenant,
    desired: Annotated[Desired, Body(examples=[EXAMPLE])],
    in_force: OwnInForce,
    request: Request,
) -> Response:
    """Store the desired state and enqueue its replication.

    The same content again while its replication is under way is that replication; other content runs next.
    """
    by, orders = request.scope["token"], request.app.state.orders
    taken = await replicate_on_loop(tenant, desired, in_force, orders, by=by)
    if taken is None:
        return await run_in_threadpool(_put_in_thread, tenant, desired, in_force, by)
    return _accepted(str(tenant), taken.replication, taken.state, taken.still_in)


def _put_in_thread(tenant: TenantId, desired: Desired, in_force: InForce[Connector], by: str) -> Response:
    connector = in_force.now()
    accepted = replicate(tenant.workspace, tenant.project, tenant.platform, desired, by=by, connector=connector)
    return accepted_answer(accepted, connector)


@router.get(
    "",
    operation_id="list_tenants",
    summary="List tenants, sorted by name",
    responses=responses(401, 422, 503),
)
def list_tenants(
    connector: CurrentConnector,
    workspace: str | None = None,
    project: str | None = None,
    platform: Annotated[str | None, Query(description="<platform>.<location>")] = None,
    landing_zone: Annotated[str | None, Query(alias="landingZone")] = None,
    status: Annotated[Filter | None, Query(description="a state, or what holds a tenant up")] = None,
    updated_since: Annotated[
        AwareDatetime | None,
        Query(alias="updatedSince", description="only tenants whose updatedAt is not earlier; with an offset from UTC"),
    ] = None,
    page: Annotated[int, Query(ge=0, description="counts from 0")] = 0,
    size: Annotated[int, Query(ge=1, le=LARGEST_PAGE)] = 50,
) -> TenantPage:
    """Show one page of the tenants that fit every filter."""
    state = State(status.value) if status is not None and status.name in State.__members__ else None
    selection = Selection(workspace, project, platform, landing_zone, state, updated_since)
    if status is not None and status.name in Held.__members__:
        every = held(connector, Held(status.value), selection)
        found, total = every[page * size : (page + 1) * size], len(every)
    else:
        found, total = connector.store.tenants.page(selection, page * size, size)
    paused = connector.store.pauses.all()
    waiting = connector.store.registry.held([each.replication for each in found if each.state is State.WAITING])
    rows = [tenant_row(summary, paused, waiting) for summary in found]
    return TenantPage(tenants=rows, page=page_of(page, size, total))


@router.get(
    TENANT,
    operation_id="get_tenant",
    summary="Show a tenant and its newest replication",
    responses=responses(401, 404, 503),
)
def get_tenant(record: KnownTenant, connector: CurrentConnector) -> TenantView:
    """Show what was ordered, what AWS gave, and every step with its note, times and last error."""
    people = still_in(record, connector.catalog)
    return tenant_view(record, connector.store.replications.find(record.replication), len(people))


@router.post(
    f"{TENANT}/replications",
    status_code=202,
    response_model=AcceptedView,
    operation_id="replicate_tenant",
    summary="Replicate a tenant again",
    responses=ACCEPTED | responses(400, 401, 403, 404, 422, 503),
)
def replicate_tenant(
    record: KnownTenant,
    connector: CurrentConnector,
    request: Request,
    body: Annotated[AgainBody | None, Body()] = None,
) -> Response:
    """Replicate with the desired state that is stored; a replication of it that waits is woken instead.

    `from` begins with that step. While a replication is under way it is done next, and a newer order runs every step.
    """
    first = body.first if body is not None else None
    accepted = replicate_again(record, connector, wake=True, by=request.scope["token"], first=first)
    return accepted_answer(accepted, connector)


def accepted_answer(accepted: Accepted, connector: Connector) -> Response:
    """Answer a request that is stored."""
    state = connector.store.replications.state_of(accepted.replication) or State.QUEUED
    record = connector.store.tenants.find(TenantId.parse(accepted.tenant))
    people = still_in(record, connector.catalog) if record is not None else ()
    return _accepted(accepted.tenant, accepted.replication, state, len(people))


def _accepted(tenant: str, replication: str, state: State, still_in: int) -> Response:
    """Say that something is stored; the header Location says where its replication stands.

    It is sent as it is: FastAPI would check it once more, in another thread.
    """
    view = AcceptedView(tenant=tenant, replication_id=replication, state=state, still_in=still_in)
    location = {"Location": f"/api/v1/replications/{replication}"}
    return Response(view.model_dump_json(by_alias=True), 202, location, "application/json")
