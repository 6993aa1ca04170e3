"""The command `status`: all tenants in a table, or one with its steps; once, or again and again."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from config.printable import counted, short
from tasks.model.desired import Deletion, TenantId
from tasks.model.replication import ENDED, Held, State, StepState, held_by
from workers.api.schemas import TenantRow, TenantView
from workers.cli.connection import connect
from workers.cli.errors import CommandFailed, ExitCode
from workers.cli.names import parse_tenant
from workers.cli.options import Access
from workers.cli.output import (
    facts,
    flat,
    is_live,
    print_json,
    print_json_line,
    show,
    shown_moment,
    state_text,
    stdout_console,
    table,
)
from workers.cli.results import shown_state
from workers.cli.tenants.overview import overview_text
from workers.client import ConnectorClient
from workers.standing import sentence

WATCH_SECONDS = 1.0  # between two looks
COLUMNS = ("tenant", "landing zone", "account", "state", "changed", "paused")
LEAST = ("changed", "landing zone")
STEP_COLUMNS = ("step", "state", "attempts", "seconds", "note")
STEP_LEAST = ("seconds", "attempts")
HEADING_LINES = 6  # of the terminal, around the rows of a table that is watched
URGENT = (State.FAILED, State.WAITING, State.RUNNING, State.QUEUED, State.CANCELLED, State.SUCCEEDED)


@dataclass(frozen=True)
class Wanted:
    """Which tenants to show: one, or those that fit."""

    tenant: str | None
    state: str | None
    workspace: str | None


EVERYTHING = Wanted(None, None, None)


def show_status(wanted: Wanted, access: Access, *, watch: bool, as_json: bool) -> ExitCode:
    """Show tenants once, or again and again; answers the exit code."""
    if wanted.tenant is not None and (wanted.state or wanted.workspace):
        raise CommandFailed("--state and --workspace choose among all tenants: leave TENANT out", ExitCode.USAGE)
    name = parse_tenant(wanted.tenant) if wanted.tenant is not None else None
    state = _state(wanted.state)
    with connect(access) as client:
        read = _one(client, name) if name else _all(client, state, wanted.workspace)
        if wanted == EVERYTHING and not watch and not as_json:
            show(stdout_console(), overview_text(client.overview()))
        return _watch(read, as_json) if watch else _once(read, as_json)


def _state(text: str | None) -> State | Held | None:
    if text is None:
        return None
    for kind in (State, Held):
        if text.upper() in set(kind):
            return kind(text.upper())
    message = f"--state {text!r} is not a valid state; use one of {', '.join([*State, *Held])}"
    raise CommandFailed(message, ExitCode.USAGE)


@dataclass(frozen=True)
class Look:
    """What one look found: as JSON, for people, and whether there is anything left to wait for."""

    document: Any
    shown: RenderableType
    brief: Callable[[int], RenderableType]  # what fits into so many lines of a terminal
    ended: State | None = None  # the state in which the one tenant ended; None: go on watching


def _one(client: ConnectorClient, tenant: TenantId) -> Callable[[], Look]:
    def look() -> Look:
        view = client.tenant(tenant)
        ended = view.status if view.status in ENDED else None
        shown = _shown(view)
        return Look(view.model_dump(mode="json", by_alias=True), shown, lambda _: shown, ended)

    return look


def _all(client: ConnectorClient, state: State | Held | None, workspace: str | None) -> Callable[[], Look]:
    def look() -> Look:
        rows = list(client.tenants(status=state, workspace=workspace))
        document = [row.model_dump(mode="json", by_alias=True) for row in rows]
        return Look(document, _rows(rows), lambda lines: _brief(rows, lines))

    return look


def _once(read: Callable[[], Look], as_json: bool) -> ExitCode:
    look = read()
    if as_json:
        print_json(look.document)
    else:
        show(stdout_console(), look.shown)
    return ExitCode.DONE


def _watch(read: Callable[[], Look], as_json: bool) -> ExitCode:
    """Show each change until the one tenant has ended, or until Ctrl-C."""
    console = stdout_console()
    if is_live() and not as_json:
        with Live(console=console, auto_refresh=False) as live:
            return _until_ended(read, lambda look: live.update(look.brief(console.height), refresh=True))
    return _until_ended(read, lambda look: _print(console, look, as_json))


def _print(console: Console, look: Look, as_json: bool) -> None:
    if as_json:
        print_json_line(look.document)
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


def _rows(rows: Sequence[TenantRow]) -> RenderableType:
    return table(COLUMNS, [_row(row) for row in rows], least=LEAST) if rows else "no tenants"


def _brief(rows: Sequence[TenantRow], lines: int) -> RenderableType:
    """Show what fits, those first that may need somebody, and how many stand where."""
    ordered = sorted(rows, key=lambda row: (URGENT.index(row.status), row.held_by is None))
    states = Counter(shown_state(row.status, row.held_by, deleted=row.deleted).plain for row in ordered)
    counts = ", ".join(f"{number} {state}" for state, number in states.items())
    fitting = ordered[: max(lines - HEADING_LINES, 1)]
    more = f"; {len(rows) - len(fitting)} not shown" if len(fitting) < len(rows) else ""
    return Group(_rows(fitting), Text(f"{counted(len(rows), 'tenant')}: {counts}{more}" if rows else "", style="dim"))


def _row(row: TenantRow) -> tuple[Any, ...]:
    account, paused = row.account_id or "-", (row.paused.reason or "yes") if row.paused else ""
    state = shown_state(row.status, row.held_by, deleted=row.deleted)
    return row.tenant, row.landing_zone, account, state, shown_moment(row.updated_at), paused


def _shown(view: TenantView) -> RenderableType:
    head = {
        "tenant": view.tenant,
        "state": shown_state(view.status, view.held_by, deleted=view.deleted_at is not None).plain,
        "landing zone": view.landing_zone,
        "account": view.account_id,
        "alias": view.alias,
        "OU": view.organizational_unit,
        "sign-in": view.sign_in_url,
        "replication": view.replication_id,
        "deletion": view.deletion and _deletion(view.deletion, done=view.deleted_at is not None),
        "paused": view.paused and f"since {shown_moment(view.paused.paused_at)}: {view.paused.reason or 'no reason'}",
    }
    steps = table(STEP_COLUMNS, list(_steps(view.steps)), least=STEP_LEAST)
    return Group(facts({name: value for name, value in head.items() if value}), "", steps)


def _deletion(deletion: Deletion, *, done: bool) -> str:
    asked = f"requested {shown_moment(deletion.requested_at)} by {deletion.requested_by or 'unknown'}"
    if deletion.approved_at is None:
        return asked if done else f"{asked}, not approved"  # some landing zones approve by themselves
    return f"{asked}, approved {shown_moment(deletion.approved_at)} by {deletion.approved_by or 'unknown'}"


def _steps(steps: Sequence[StepState]) -> Iterator[tuple[Any, ...]]:
    """Show the steps; those that did not run for the same reason, one after the other, on one line."""
    for (state, note), same in groupby(steps, key=lambda step: (step.state, step.note)):
        group = list(same)
        if state is State.CANCELLED and len(group) > 1:
            yield f"{group[0].name} and {len(group) - 1} more", state_text(state), "", "", note or ""
        else:
            yield from map(_step, group)


def _step(step: StepState) -> tuple[Any, ...]:
    taken = (step.ended_at - step.started_at).total_seconds() if step.ended_at and step.started_at else None
    note = sentence(step.last_error) if step.last_error else short(step.note or "")
    state = shown_state(step.state, held_by([step]))
    return step.name, state, str(step.attempts), "" if taken is None else f"{taken:.1f}", flat(note)
