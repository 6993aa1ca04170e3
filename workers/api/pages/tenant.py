"""One tenant: where it stands and why, what was ordered beside what is, who can enter, what was changed by whom."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request, Response
from sse_starlette import EventSourceResponse

from tasks.connector import Connector
from tasks.documents import AuditEntry
from tasks.model.replication import Replication, State, held_by
from tasks.orders.access import doubts
from tasks.orders.withdrawn import still_in
from tasks.state.records import TenantRecord
from workers.api.dependencies import CurrentConnector, KnownTenant
from workers.api.pages.actions import ACTIONS, done_text, path_of
from workers.api.pages.console import links
from workers.api.pages.live import OpenStream, live
from workers.api.pages.people import people
from workers.api.pages.rendering import PageRoute, html, page
from workers.api.pages.step_marks import marks, progress
from workers.api.pages.timeline import lines
from workers.api.pages.visitor import CurrentVisitor, Visitor
from workers.api.schemas import TenantView, tenant_view
from workers.standing import kind_of, standing

HISTORY = 15  # replications
EVENTS = 1000  # of the tenant: all that are kept by default
WRITES = 60
PEOPLE = 200  # shown unless all are asked for, those first who stand otherwise than they should
PARTS = ("steps", "people", "facts", "changes", "history")  # sent each by itself, when it differs
ALL = "all"
Write = tuple[Mapping[str, Any], AuditEntry | None]
"""A write to AWS: its event, and what the audit log has of it."""

TENANT = "/tenants/{workspace}/{project}/{platform}"

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@dataclass(frozen=True)
class Asked:
    """What the address of the page asks for."""

    replication: str = ""  # an older one
    people: str = ""  # all of them


def asked(replication: str = "", people: str = "") -> Asked:
    """Read the address of the page."""
    return Asked(replication, people)


AskedFor = Annotated[Asked, Depends(asked)]


@dataclass(frozen=True)
class Fact:
    """What was ordered, beside what is."""

    name: str
    ordered: str
    found: str
    differs: bool = False


@router.get(TENANT)
def show_tenant(
    request: Request,
    record: KnownTenant,
    connector: CurrentConnector,
    visitor: CurrentVisitor,
    asked: AskedFor,
    done: str = "",
) -> Response:
    """Show it."""
    return page(
        request,
        visitor,
        "tenant.html",
        live=f"/live{path_of(record.id)}?{urlencode(asdict(asked))}",
        done=done_text(done),
        parts_of_page=PARTS,
        **_values(connector, record, visitor, asked),
    )


@router.get(f"/live{TENANT}")
def live_tenant(
    request: Request,
    record: KnownTenant,
    connector: CurrentConnector,
    visitor: CurrentVisitor,
    streams: OpenStream,
    asked: AskedFor,
) -> EventSourceResponse:
    """Keep it live."""

    def make() -> dict[str, str]:
        values = _values(connector, connector.store.tenants.find(record.id) or record, visitor, asked)
        return {part: html(request, visitor, f"_tenant_{part}.html", **values) for part in ("head", "actions", *PARTS)}

    return live(request, streams, make)


def _values(connector: Connector, record: TenantRecord, visitor: Visitor, asked: Asked) -> dict[str, Any]:
    store, now = connector.store, datetime.now(UTC)
    events = store.events.newest(record.id, EVENTS)
    history, newest = store.replications.history(record.id, HISTORY), _newest(record, connector)
    shown = next((each for each in history if each.id == asked.replication), newest)
    view = tenant_view(record, newest, len(still_in(record, connector.catalog)))
    platform = connector.catalog.platforms.get(record.id.platform)
    inside, writes = people(connector, record, events), _writes(connector, events)
    deleted = record.deleted_at is not None and record.state is State.SUCCEEDED
    return {
        "tenant": record,
        "actions": [each for each in ACTIONS if each.fits(record) and visitor.may(*each.request(record))],
        "first_steps": [step.name for step in newest.steps] if record.deleted_at is None else [],
        "state": "DELETED" if deleted else held_by(newest.steps) or record.state,
        "why": list(_why(view, visitor)),
        "shown": shown,
        "lines": lines(shown, events, now),
        "history": history,
        "people": inside if asked.people == ALL else inside[:PEOPLE],
        "all_people": len(inside),
        "doubts": list(doubts(record, connector.catalog)),
        "nobody": [each.username for each in record.desired.access if each.euid is None and record.deletion is None],
        "facts": _facts(connector, record),
        "drift": store.drifts.find(record.id),
        "writes": _by_day(writes, now, visitor),
        "number_of_writes": len(writes),
        "what": kind_of,
        "most_writes": WRITES,
        "moment": datetime.fromisoformat,
        "held_by": held_by,
        "marks": marks,
        "progress": progress,
        "links": list(links(record.handles, platform.partition if platform else "aws")),
    }


def _why(view: TenantView, visitor: Visitor) -> Iterator[str]:
    return standing(
        view,
        lambda moment: f"{moment.astimezone(visitor.zone):%Y-%m-%d %H:%M}",
        lambda verb: f"use the button {verb.capitalize()} below",
    )


def _newest(record: TenantRecord, connector: Connector) -> Replication:
    found = connector.store.replications.find(record.replication)
    return found or Replication(
        id=record.replication, tenant=str(record.id), state=record.state, steps=[], requested_at=record.updated_at
    )


def _facts(connector: Connector, record: TenantRecord) -> list[Fact]:
    """Put what was ordered beside what we know to be there."""
    handles, desired = record.handles, record.desired
    zone = connector.catalog.landing_zones.get(desired.landing_zone)
    wanted_account = desired.platform_tenant_id or "a new account"
    regions = ", ".join(sorted(handles.stack_instances))
    wanted_regions = ", ".join(zone.stack_set.regions) if zone and zone.stack_set else ""
    inside = {each for group in handles.groups.values() for each in group.people or ()}
    roles = sorted({role for person in desired.access for role in person.roles})
    payment = desired.payment_method
    return [
        Fact("Account", wanted_account, _account(record), differs=handles.account_id is None),
        Fact(
            "Organizational unit",
            (zone.target_organizational_unit or "that of its workspace") if zone else "landing zone is not configured",
            handles.organizational_unit or "",
        ),
        Fact("Landing zone", desired.landing_zone, zone.display_name if zone else "", differs=zone is None),
        Fact("Access stack", "yes" if zone and zone.access_stack else "no", handles.access_stack or ""),
        Fact("StackSet in", wanted_regions or "no region", regions, differs=wanted_regions != regions),
        Fact("Alias", "by the platform's pattern", handles.alias or ""),
        Fact("People", f"{len(desired.access)} ({', '.join(roles)})" if roles else "0", f"{len(inside)} in its groups"),
        Fact("Payment method", (payment if isinstance(payment, str) else payment.identifier) if payment else "", ""),
        *(Fact(f"Tag {name} of the project", ", ".join(values), "") for name, values in desired.project.tags.items()),
        *(
            Fact(f"Tag {name} of the workspace", ", ".join(values), "")
            for name, values in desired.workspace.tags.items()
        ),
    ]


def _account(record: TenantRecord) -> str:
    handles = record.handles
    named = " ".join(filter(None, [handles.account_id, handles.account_name and f"({handles.account_name})"]))
    return f"{named} {handles.email or ''}".strip()


def _by_day(writes: Iterable[Write], now: datetime, visitor: Visitor) -> list[tuple[str, list[Write]]]:
    """Put together what was changed on one day of the reader's."""
    today = now.astimezone(visitor.zone).date()

    def day(write: Write) -> str:
        on = datetime.fromisoformat(write[0]["at"]).astimezone(visitor.zone).date()
        named = {0: "Today, ", 1: "Yesterday, "}.get((today - on).days, "")
        return f"{named}{on.day} {on:%B %Y}"

    return [(name, list(of_day)) for name, of_day in groupby(writes, day)]


def _writes(connector: Connector, events: Iterable[Mapping[str, Any]]) -> list[Write]:
    """Return the newest writes to AWS, with what was sent and who asked, as long as the audit log has it."""
    newest = [event for event in events if event.get("type") == "write"][:WRITES]
    entries = connector.store.audit.those(filter(None, (each.get("audit") for each in newest)))
    return [(each, entries.get(each.get("audit") or "")) for each in newest]
