"""The command `status`: all tenants in a table, or one with its steps; once, or again and again."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live

from tasks.model.desired import Deletion, TenantId
from tasks.model.replication import ENDED, State, StepState
from workers.api.schemas import TenantRow, TenantView
from workers.cli.connection import Access, connect
from workers.cli.errors import CommandFailed, ExitCode
from workers.cli.output import facts, flat, is_live, show, state_text, stdout_console, table
from workers.cli.tenants.replicate import parse_tenant
from workers.client import ConnectorClient

WATCH_SECONDS = 1.0  # between two looks
MOMENT = "%Y-%m-%d %H:%M:%S %Z"


@dataclass(frozen=True)
class Wanted:
    """Which tenants to show: one, or those that fit."""

    tenant: str | None
    state: str | None
    workspace: str | None


def show_status(wanted: Wanted, access: Access, *, watch: bool, as_json: bool) -> ExitCode:
    """Show tenants once, or again and again; answers the exit code."""
    name = parse_tenant(wanted.tenant) if wanted.tenant is not None else None
    state = _state(wanted.state)
    with connect(access) as client:
        read = _one(client, name) if name else _all(client, state, wanted.workspace)
        return _watch(read, as_json) if watch else _once(read, as_json)


def _state(text: str | None) -> State | None:
    try:
        return None if text is None else State(text.upper())
    except ValueError as error:
        message = f"--state {text!r} is no state: {', '.join(State)}"
        raise CommandFailed(message, ExitCode.USAGE) from error


@dataclass(frozen=True)
class Look:
    """What one look found: as JSON, for people, and whether there is anything left to wait for."""

    document: Any
    shown: RenderableType
    ended: State | None  # the state in which the one tenant ended; None: go on watching


def _one(client: ConnectorClient, tenant: TenantId) -> Callable[[], Look]:
    def look() -> Look:
        view = client.tenant(tenant)
        ended = view.status if view.status in ENDED else None
        return Look(view.model_dump(mode="json", by_alias=True), _shown(view), ended)

    return look


def _all(client: ConnectorClient, state: State | None, workspace: str | None) -> Callable[[], Look]:
    def look() -> Look:
        rows = list(client.tenants(status=state, workspace=workspace))
        document = [row.model_dump(mode="json", by_alias=True) for row in rows]
        return Look(document, _rows(rows), None)

    return look


def _once(read: Callable[[], Look], as_json: bool) -> ExitCode:
    look = read()
    if as_json:
        print(json.dumps(look.document, indent=2))
    else:
        show(stdout_console(), look.shown)
    return ExitCode.DONE


def _watch(read: Callable[[], Look], as_json: bool) -> ExitCode:
    """Show each change until the one tenant has ended, or until Ctrl-C."""
    if is_live() and not as_json:
        with Live(console=stdout_console(), auto_refresh=False) as live:
            return _until_ended(read, lambda look: live.update(look.shown, refresh=True))
    console = stdout_console()
    return _until_ended(read, lambda look: _print(console, look, as_json))


def _print(console: Console, look: Look, as_json: bool) -> None:
    if as_json:
        print(json.dumps(look.document), flush=True)
    else:
        show(console, look.shown)


def _until_ended(read: Callable[[], Look], show: Callable[[Look], None]) -> ExitCode:
    before: Any = None
    while True:
        look = read()
        if look.document != before:
            show(look)
            before = look.document
        if look.ended is not None:
            return ExitCode.DONE if look.ended is State.SUCCEEDED else ExitCode.FAILED
        time.sleep(WATCH_SECONDS)


def _rows(rows: list[TenantRow]) -> RenderableType:
    columns = ("tenant", "landing zone", "account", "state", "updated", "paused")
    return table(columns, [_row(row) for row in rows]) if rows else "no tenants"


def _row(row: TenantRow) -> tuple[Any, ...]:
    account, paused = row.account_id or "-", (row.paused.reason or "yes") if row.paused else ""
    return row.tenant, row.landing_zone, account, state_text(row.status), f"{row.updated_at:{MOMENT}}", paused


def _shown(view: TenantView) -> RenderableType:
    head = {
        "tenant": view.tenant,
        "state": view.status.value,
        "landing zone": view.landing_zone,
        "account": view.account_id,
        "alias": view.alias,
        "OU": view.organizational_unit,
        "sign-in": view.sign_in_url,
        "replication": view.replication_id,
        "deletion": view.deletion and _deletion(view.deletion),
        "paused": view.paused and f"since {view.paused.paused_at:{MOMENT}}: {view.paused.reason or 'no reason given'}",
    }
    steps = table(("step", "state", "attempts", "seconds", "note"), [_step(step) for step in view.steps])
    return Group(facts({name: value for name, value in head.items() if value}), "", steps)


def _deletion(deletion: Deletion) -> str:
    asked = f"asked for {deletion.requested_at:{MOMENT}} by {deletion.requested_by or 'unknown'}"
    if deletion.approved_at is None:
        return f"{asked}, not approved"
    return f"{asked}, approved {deletion.approved_at:{MOMENT}} by {deletion.approved_by or 'unknown'}"


def _step(step: StepState) -> tuple[Any, ...]:
    taken = (step.ended_at - step.started_at).total_seconds() if step.ended_at and step.started_at else None
    note = step.note or ""
    if (error := step.last_error) is not None:
        note = f"{error.code}: {error.message} (AWS request id {error.request_id or 'none'}). {error.remedy}"
    seconds = "" if taken is None else f"{taken:.1f}"
    return step.name, state_text(step.state), str(step.attempts), seconds, flat(note)
