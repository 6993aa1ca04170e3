"""meshObjects as meshStack takes and shows them, so that what was written for meshStack works here too.

Media types, HAL and rows are meshStack's; errors are problem documents, as everywhere in this API.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from math import ceil
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends, HTTPException, Path, Query, Request, Response, Security
from fastapi.responses import JSONResponse
from pydantic import Field

from config.api_token import ApiToken, Scope
from tasks.connector import Connector
from tasks.meshobjects.collection import ImportRefused
from tasks.meshobjects.importing import Busy, Wanted, import_objects
from tasks.meshobjects.reading import Unreadable, read_json, read_yaml
from tasks.meshobjects.tenants import Filters, Version, by_identifier, shown
from tasks.meshobjects.tenants import page as page_of
from tasks.meshstack.media import media
from tasks.model.desired import Lifecycle
from tasks.state.records import TenantRecord
from workers.api.dependencies import CurrentConnector
from workers.api.openapi import Responses, responses
from workers.api.schemas import View
from workers.api.security import BASIC, BEARER

ROOT = "/api/meshobjects"
TENANTS = f"{ROOT}/meshtenants"
IMPORT = "application/vnd.meshcloud.api.meshobjects.v1"
READERS: dict[str, Callable[[bytes], list[Any]]] = {f"{IMPORT}+json": read_json, f"{IMPORT}+yaml": read_yaml}
MEDIA = {media("meshTenant", version): version for version in (Version.V4, Version.V4_PREVIEW, Version.V3)}
ANY = re.compile(r"\*/\*|application/\*|application/json|application/hal\+json")
LARGEST_PAGE = 1000  # as meshStack; more is lowered
PAGE = 50

router = APIRouter(tags=["meshObjects"], dependencies=[Security(BEARER), Security(BASIC)])


class ImportedRow(View):
    """What became of one meshObject."""

    mesh_object: str = Field(examples=["meshProject[likvid.shop]"])
    status: str = Field(description="SUCCESS or FAILED")
    result_code: str | None = Field(description="why it failed; null: it did not fail")
    message: str | None = Field(description="what is wrong")
    remarks: str | None = Field(description="remarks")


def import_reader(request: Request) -> Callable[[bytes], list[Any]]:
    """Return what reads the body; answers 415 to another type, 406 when no type that we have is accepted."""
    _accepted(request, [f"{IMPORT}+json"])
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in READERS:
        raise HTTPException(415, f"Send meshObjects with the header Content-Type: {' or '.join(READERS)}.")
    return READERS[kind]


async def whole_body(request: Request) -> bytes:
    """Return the body; one that was cut off by a broken connection never comes here."""
    return await request.body()


_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            f"{IMPORT}+json": {
                "schema": {"oneOf": [{"type": "object"}, {"type": "array", "items": {"type": "object"}}]},
                "example": [
                    {
                        "apiVersion": "v2",
                        "kind": "meshWorkspace",
                        "metadata": {"name": "likvid"},
                        "spec": {"displayName": "Likvid Bank"},
                    }
                ],
            },
            f"{IMPORT}+yaml": {"schema": {"type": "string"}},
        },
    }
}


@router.put(
    ROOT,
    operation_id="import_mesh_objects",
    summary="Import meshObjects",
    response_class=JSONResponse,
    responses={
        200: {
            "description": "A row for each object; check every status",
            "content": {f"{IMPORT}+json": {"schema": {"type": "array", "items": ImportedRow.model_json_schema()}}},
        },
        **responses(400, 401, 403, 406, 409, 413, 415, 422, 503),
    },
    openapi_extra=_BODY,
)
def put_mesh_objects(
    request: Request,
    read: Annotated[Callable[[bytes], list[Any]], Depends(import_reader)],
    body: Annotated[bytes, Depends(whole_body)],
    collection: Annotated[
        str | None,
        Query(
            alias="meshObjectCollection",
            min_length=1,
            max_length=255,
            description="the collection from which missing objects are deleted",
        ),
    ] = None,
    owner: Annotated[str | None, Query(max_length=255, description="owner of the collection")] = None,
    deletions: Annotated[
        int, Query(ge=0, description="allowed number of missing objects, if it is more than usual")
    ] = 0,
) -> Response:
    """Take workspaces, projects, tenants, bindings, groups, users, payment methods, platforms and landing zones.

    Only tenants whose desired state changes are enqueued. With a collection, what is missing is deleted. Platforms,
    landing zones, locations and tag definitions need the scope admin.
    """
    named = None if collection is None else _collection(collection, owner)
    caller: ApiToken = request.scope["caller"]
    wanted = Wanted(caller.name, named, deletions, configures=caller.may(Scope.ADMIN))
    try:
        rows = import_objects(read(body), wanted, _connect(request))
    except Unreadable as error:
        raise HTTPException(400, str(error)) from error
    except ImportRefused as error:
        raise HTTPException(409, str(error)) from error
    except Busy as error:
        detail = "Another import is in progress; nothing was done. Send this one again."
        raise HTTPException(503, detail, headers={"Retry-After": "10"}) from error
    return JSONResponse([row.document() for row in rows], media_type=f"{IMPORT}+json")


def _collection(name: str, owner: str | None) -> str:
    """Name a collection so that none is called like another one of somebody else."""
    return "/".join(quote(each, safe="") for each in (owner, name) if each)


def wanted_version(request: Request) -> Version:
    """Return the version of meshTenant that is accepted; answers 406 for one that there is not."""
    return MEDIA[_accepted(request, list(MEDIA))]


_SHOWN: Responses = {
    200: {"description": "As meshStack shows it", "content": {kind: {"schema": {"type": "object"}} for kind in MEDIA}}
}


@router.get(
    TENANTS,
    operation_id="list_mesh_tenants",
    summary="List tenants as meshTenants",
    response_class=JSONResponse,
    responses={**_SHOWN, **responses(401, 406, 422, 503)},
)
def list_mesh_tenants(
    request: Request,
    connector: CurrentConnector,
    version: Annotated[Version, Depends(wanted_version)],
    workspace: Annotated[str | None, Query(alias="workspaceIdentifier")] = None,
    project: Annotated[str | None, Query(alias="projectIdentifier")] = None,
    platform: Annotated[str | None, Query(alias="platformIdentifier")] = None,
    platform_type: Annotated[str | None, Query(alias="platformTypeIdentifier")] = None,
    landing_zone: Annotated[str | None, Query(alias="landingZoneIdentifier")] = None,
    account: Annotated[str | None, Query(alias="platformTenantId")] = None,
    states: Annotated[list[Lifecycle] | None, Query(alias="state", description="by default ACTIVE")] = None,
    deletion_state: Annotated[Lifecycle | None, Query(alias="deletionState", description="as v3 calls it")] = None,
    page: Annotated[int, Query(ge=0, description="counts from 0")] = 0,
    size: Annotated[int, Query(ge=1, description="at most 1000; larger values count as 1000")] = PAGE,
) -> Response:
    """Show one page of the tenants that fit every filter, sorted by name, however they were ordered."""
    wanted = states or ([deletion_state] if deletion_state is not None else [Lifecycle.ACTIVE])
    filters = Filters(workspace, project, platform, platform_type, landing_zone, account, tuple(wanted))
    size = min(size, LARGEST_PAGE)
    found, total = page_of(filters, page * size, size, connector)
    named = connector.store.runs.named_tenants()
    records = map(connector.store.tenants.find, found)
    rows = [_with_links(each, version, named, connector, request) for each in records if each is not None]
    document = {
        "_embedded": {"meshTenants": rows},
        "_links": _page_links(request, page, size, total),
        "page": {
            "size": size,
            "totalElements": total,
            "totalPages": ceil(total / size),
            "number": page,
        },
    }
    return JSONResponse(document, media_type=media("meshTenant", version))


@router.get(
    f"{TENANTS}/{{identifier}}",
    operation_id="get_mesh_tenant",
    summary="Show a tenant as a meshTenant",
    response_class=JSONResponse,
    responses={**_SHOWN, **responses(401, 404, 406, 503)},
)
def get_mesh_tenant(
    request: Request,
    connector: CurrentConnector,
    version: Annotated[Version, Depends(wanted_version)],
    identifier: Annotated[str, Path(description="its UUID, or <workspace>.<project>.<platform>.<location>")],
) -> Response:
    """Show a tenant by its UUID or by its name."""
    record = by_identifier(identifier, connector)
    if record is None:
        raise HTTPException(404, "Tenant not found. Use its UUID or its full name.")
    named = connector.store.runs.named_tenants()
    document = _with_links(record, version, named, connector, request)
    return JSONResponse(document, media_type=media("meshTenant", version))


def _accepted(request: Request, kinds: list[str]) -> str:
    """Return the first of the accepted media types that we have; none named, or any, is our first."""
    header = request.headers.get("accept", "*/*")
    for part in header.split(","):
        wanted = part.partition(";")[0].strip().lower()
        if wanted in kinds:
            return wanted
        if ANY.fullmatch(wanted):
            return kinds[0]
    raise HTTPException(406, f"Send the header Accept: {' or '.join(kinds)}.")


def _connect(request: Request) -> Callable[[], Connector]:
    now: Callable[[], Connector] = request.app.state.in_force.now
    return now


def _with_links(
    record: TenantRecord, version: Version, named: dict[str, str], connector: Connector, request: Request
) -> dict[str, Any]:
    document = shown(record, version, named, connector.catalog)
    name = str(record.id) if version is Version.V3 else document["metadata"]["uuid"]
    return {**document, "_links": {"self": {"href": f"{_base(request)}{TENANTS}/{quote(name)}"}}}


def _page_links(request: Request, page: int, size: int, total: int) -> dict[str, Any]:
    """Return the links of a page; those to others only where there are some, as meshStack does."""
    last = max(ceil(total / size) - 1, 0)
    places = {"self": page}
    if last > 0:
        places |= {"first": 0, "last": last}
        places |= {"prev": page - 1} if 0 < page <= last else {}
        places |= {"next": page + 1} if page < last else {}
    return {name: {"href": _page_address(request, number, size)} for name, number in places.items()}


def _page_address(request: Request, page: int, size: int) -> str:
    kept: Iterable[tuple[str, str]] = (
        (name, value) for name, value in request.query_params.multi_items() if name not in ("page", "size")
    )
    return f"{_base(request)}{TENANTS}?{urlencode([*kept, ('page', page), ('size', size)])}"


def _base(request: Request) -> str:
    return str(request.base_url).rstrip("/")
