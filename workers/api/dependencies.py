"""What the routes share: the process's connector, and tenants and bodies as a request names them.

What waits for nothing is `async`: FastAPI hands any other function to a thread, which costs more than most of them do.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import Depends, HTTPException, Path, Request, Response
from fastapi.dependencies.utils import get_flat_params
from fastapi.params import Query as QueryInfo
from fastapi.routing import APIRoute

from config.printable import printable
from tasks.connector import Connector
from tasks.in_force import InForce
from tasks.model.desired import TenantId
from tasks.orders.producer import LONGEST_FIELD, FieldMistake, RequestRefused
from tasks.state.records import TenantRecord
from workers.api.problems import KeyTwice

NOTHING = (b"", b"{}", b"null")  # bodies that ask for nothing
_JSON = re.compile(r"application/(?:[\w.+-]+\+)?json\s*(?:;.*)?", re.IGNORECASE)


class StrictRequest(Request):
    """A request whose JSON body names each key once: of two Python's parser would drop one without a word."""

    async def json(self) -> Any:
        """Read the body; raises KeyTwice."""
        if not hasattr(self, "_json"):
            self._json = json.loads(await self.body(), object_pairs_hook=_each_once)
        return self._json


class StrictRoute(APIRoute):
    """A route that takes a body."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler, which is given a strict request."""
        handler = super().get_route_handler()

        async def strict(request: Request) -> Response:
            return await handler(StrictRequest(request.scope, request.receive))

        return strict


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise KeyTwice(next(name for name in names if names.count(name) > 1))
    return found


async def own_in_force(request: Request) -> InForce[Connector]:
    """Return what gives the application its connector."""
    in_force: InForce[Connector] = request.app.state.in_force
    return in_force


OwnInForce = Annotated[InForce[Connector], Depends(own_in_force)]


def current_connector(in_force: OwnInForce) -> Connector:
    """Return the application's connector, with the configuration that is in force now."""
    return in_force.now()


CurrentConnector = Annotated[Connector, Depends(current_connector)]


async def named_tenant(
    workspace: Annotated[str, Path(examples=["likvid"])],
    project: Annotated[str, Path(examples=["shop"])],
    platform: Annotated[str, Path(description="<platform>.<location>", examples=["aws.sandbox"])],
) -> TenantId:
    """Return the tenant that a path names; it need not exist."""
    return TenantId(workspace, project, platform)


NamedTenant = Annotated[TenantId, Depends(named_tenant)]


def known_tenant(tenant: NamedTenant, connector: CurrentConnector) -> TenantRecord:
    """Return the stored tenant that a path names; answers 404 when nobody has ordered it."""
    # a/b.c/d and a.b/c/d are the same text in Redis; only one of them is the tenant's name.
    record = connector.store.tenants.find(tenant) if is_well_formed(tenant) else None
    if record is None:
        raise HTTPException(404, f"Nobody has ordered the tenant {tenant}. Check the name, or order it first.")
    return record


KnownTenant = Annotated[TenantRecord, Depends(known_tenant)]


def is_well_formed(tenant: TenantId) -> bool:
    """Tell whether a tenant's parts can be found again in its name."""
    try:
        return TenantId.parse(str(tenant)) == tenant
    except ValueError:
        return False


async def known_parameters(request: Request) -> None:
    """Refuse a query parameter that the operation does not know: a misspelled filter would show everything."""
    if not request.url.query:
        return
    known = sorted(_parameters(request.scope["route"]))
    wrong = [(name, text) for name, text in request.query_params.items() if name not in known]
    if wrong:
        raise RequestRefused(tuple(_unknown(name, text, known) for name, text in wrong))


def _parameters(route: APIRoute) -> frozenset[str]:
    fields = get_flat_params(route.dependant)
    return frozenset(field.alias for field in fields if isinstance(field.field_info, QueryInfo))


def _unknown(name: str, text: str, known: list[str]) -> FieldMistake:
    near = difflib.get_close_matches(name, known, n=1)
    there = f"there {'are ' + ', '.join(known) if known else 'is none'}"
    said = f"did you mean {near[0]}?" if near else there
    field, value = (printable(each)[:LONGEST_FIELD] for each in (name, text))
    return FieldMistake(field or "(no name)", value or "(empty)", f"is not a parameter here; {said}")


async def no_body(request: Request) -> None:
    """Refuse a body where none is read: what it asks for would be lost, as the platform of a rollout."""
    route: APIRoute = request.scope["route"]
    if (
        request.method in ("POST", "DELETE")
        and route.body_field is None
        and (await request.body()).strip() not in NOTHING
    ):
        raise RequestRefused((FieldMistake("body", "(not read)", _of_no_body(sorted(_parameters(route)))),))


def _of_no_body(known: list[str]) -> str:
    return f"is not read here; {'use the query: ' + ', '.join(known) if known else 'there is nothing to say'}"


async def json_body(request: Request) -> None:
    """Answer 415 to a body that does not say it is JSON."""
    content_type = request.headers.get("content-type", "")
    if not _JSON.fullmatch(content_type):
        raise HTTPException(415, "Send the desired state as JSON, with the header Content-Type: application/json.")
