"""The list of tenants: found by a part of the name or by the account, filtered, sorted, a page at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request, Response
from sse_starlette import EventSourceResponse

from tasks.connector import Connector
from tasks.model.desired import Lifecycle, Pause
from tasks.model.replication import Held, Replication, State, held_by
from tasks.overview.held import held
from tasks.state.records import TenantSummary
from tasks.state.tenants import Selection, Sorting
from workers.api.dependencies import CurrentConnector
from workers.api.pages.live import OpenStream, live
from workers.api.pages.rendering import PageRoute, html, page
from workers.api.pages.step_marks import Mark, marks, now_at, progress
from workers.api.pages.visitor import CurrentVisitor

ROWS = 50
ACCOUNT_DIGITS = 12

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@dataclass(frozen=True)
class Asked:
    """What the address of the page asks for."""

    q: str
    state: State | Held | str  # DELETED is none of State; empty: any
    zone: str
    platform: str
    sort: Sorting
    number: int

    @property
    def is_filtered(self) -> bool:
        """Whether it is less than all tenants."""
        return bool(self.q or self.state or self.zone or self.platform)

    def query(self, number: int) -> str:
        """Write it as an address, of another page of the list."""
        filters = {"q": self.q, "state": str(self.state), "zone": self.zone, "platform": self.platform}
        sort = {} if self.sort is Sorting.STATE else {"sort": self.sort.value}
        return urlencode({**{k: v for k, v in filters.items() if v}, **sort, **({"page": number} if number else {})})


def asked(
    q: Annotated[str, Query(max_length=200)] = "",
    state: State | str = "",
    zone: str = "",
    platform: str = "",
    sort: Sorting = Sorting.STATE,
    number: Annotated[int, Query(alias="page", ge=0, le=1_000_000)] = 0,
) -> Asked:
    """Read the address of the page; a state that nobody knows is any."""
    known = state if state in {*State, *Held, Lifecycle.DELETED} else ""
    return Asked(q.strip().lower(), known, zone, platform, sort, number)


AskedFor = Annotated[Asked, Depends(asked)]


@dataclass(frozen=True)
class Row:
    """One row of the list."""

    name: str
    state: str
    paused: bool
    steps: list[Mark]
    progress: str
    now: str
    account: str | None
    zone: str
    changed: datetime


@dataclass(frozen=True)
class Paging:
    """Where a page of the list stands among all."""

    number: int
    pages: int


@router.get("/tenants")
def show_tenants(request: Request, connector: CurrentConnector, visitor: CurrentVisitor, asked: AskedFor) -> Response:
    """Show a page of the list."""
    choices = {
        "states": [*State, *Held, Lifecycle.DELETED],
        "zones": sorted(connector.catalog.landing_zones),
        "platforms": sorted(connector.catalog.platforms),
    }
    live_at = f"/live/tenants?{asked.query(asked.number)}"
    return page(request, visitor, "tenants.html", live=live_at, **choices, **_values(request, connector, asked))


@router.get("/live/tenants")
def live_tenants(
    request: Request, connector: CurrentConnector, visitor: CurrentVisitor, asked: AskedFor, streams: OpenStream
) -> EventSourceResponse:
    """Keep it live."""
    return live(
        request,
        streams,
        lambda: {"page": html(request, visitor, "_tenants.html", **_values(request, connector, asked))},
    )


def _values(request: Request, connector: Connector, asked: Asked) -> dict[str, Any]:
    found, total = _found(connector, asked)
    if total and not found:  # the address is older than the list, which has become shorter
        asked = replace(asked, number=(total - 1) // ROWS)
        found, total = _found(connector, asked)
    replications = {each.tenant: each for each in connector.store.replications.those(row.replication for row in found)}
    paused = connector.store.pauses.all()
    root = request.scope.get("root_path", "")
    return {
        "asked": asked,
        "rows": [_row(each, replications.get(str(each.id)), paused) for each in found],
        "total": total,
        "paging": Paging(asked.number, -(-total // ROWS)),
        "link": lambda number: f"{root}/tenants?{asked.query(number)}",
    }


def _found(connector: Connector, asked: Asked) -> tuple[list[TenantSummary], int]:
    selection = Selection(
        platform=asked.platform or None,
        landing_zone=asked.zone or None,
        state=State(asked.state) if asked.state in set(State) else None,
        lifecycle=Lifecycle.DELETED if asked.state == Lifecycle.DELETED else None,
        contains=asked.q,
    )
    if len(asked.q) == ACCOUNT_DIGITS and asked.q.isdecimal():
        tenant = connector.store.tenants.with_account(asked.q)
        selection = Selection(contains=str(tenant)) if tenant else selection
    first = asked.number * ROWS
    if asked.state in set(Held):
        every = held(connector, Held(asked.state), selection)
        return every[first : first + ROWS], len(every)
    return connector.store.tenants.page(selection, first, ROWS, asked.sort)


def _row(summary: TenantSummary, replication: Replication | None, paused: Mapping[str, Pause]) -> Row:
    steps = replication.steps if replication else []
    deleted = summary.deleted and summary.state is State.SUCCEEDED
    return Row(
        name=str(summary.id),
        state="DELETED" if deleted else held_by(steps) or summary.state,
        paused=str(summary.id) in paused or summary.id.platform in paused,
        steps=marks(steps),
        progress=progress(steps),
        now=now_at(steps, replication.gate if replication else None),
        account=summary.account_id,
        zone=summary.landing_zone,
        changed=summary.updated_at,
    )
