"""The command `logs`: what happened to a tenant, a line for each thing, as far as it is stored or as it happens."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from textwrap import wrap
from typing import Any

from rich.console import Console
from rich.text import Text

from tasks.model.replication import LastError, State
from workers.cli.connection import connect
from workers.cli.names import parse_tenant
from workers.cli.options import Access
from workers.cli.output import flat, is_live, print_json_line, print_line, state_text, stdout_console
from workers.client import ConnectorClient, Event
from workers.standing import sentence

RECONNECT_SECONDS = 1.0  # after the server has ended a stream that was to go on
INDENT = "  "
SHORT_ID = 8  # characters of a replication's id, as in Flower


@dataclass(frozen=True)
class Line:
    """One thing that happened."""

    at: datetime
    what: str  # a step, or a replication
    state: State | None  # that it came to; None: it wrote to AWS
    text: str


@dataclass
class Teller:
    """Makes lines of events; of a step that waits still, for the same, it says nothing again."""

    last: dict[tuple[str, str], tuple[State, str]] = field(default_factory=dict)

    def line_of(self, event: Event) -> Line | None:
        """Say what happened; None: nothing that a person would miss."""
        data = event.data
        at = datetime.fromisoformat(data["at"]) if "at" in data else datetime.now(UTC)
        if event.type == "write":
            return Line(at, str(data["step"]), None, _write(data))
        if event.type == "replication":
            return Line(at, f"replication {str(data['replication'])[:SHORT_ID]}", State(data["state"]), "")
        return self._step(at, data) if event.type == "step" else None

    def _step(self, at: datetime, data: dict[str, Any]) -> Line | None:
        state, note = State(data["state"]), str(data.get("note") or "")
        known = (str(data["replication"]), str(data["name"]))
        if state is State.RUNNING or self.last.get(known) == (state, note):
            return None
        self.last[known] = state, note
        error = data.get("lastError")
        return Line(at, known[1], state, sentence(LastError.model_validate(error)) if error else note)


def show_logs(tenant: str, access: Access, *, follow: bool, as_json: bool) -> None:
    """Show what happened to a tenant; with `follow` until Ctrl-C."""
    name, teller, day = parse_tenant(tenant), Teller(), ""
    console = stdout_console()
    with connect(access) as client:
        for event in _events(client, str(name), follow=follow):
            if as_json:
                print_json_line({"id": event.id, **event.data})
            elif line := teller.line_of(event):
                day = _print(console, line, day)


def _events(client: ConnectorClient, tenant: str, *, follow: bool) -> Iterator[Event]:
    last: str | None = None
    while True:
        for event in client.events(tenant, last, follow=follow):
            last = event.id
            yield event
        if not follow:
            return
        time.sleep(RECONNECT_SECONDS)


def _print(console: Console, line: Line, day: str) -> str:
    """Print a line: on a terminal below its day, and what is long on lines of its own; answers the day."""
    state = line.state.value if line.state else "wrote"
    if not is_live():
        print_line(console, f"{line.at:%Y-%m-%dT%H:%M:%SZ} {line.what} {state} {line.text}".rstrip())
        return day
    today = f"{line.at:%Y-%m-%d}"
    if today != day:
        console.print(Text(f"{today} (UTC)", style="dim"))
    shown = state_text(line.state) if line.state else Text(state, style="blue")
    head = Text.assemble((f"{line.at:%H:%M:%S} ", "dim"), f"{line.what} ", shown)
    text = flat(line.text)
    if text and head.cell_len + 1 + len(text) <= console.width:
        head.append(f" {text}")
        text = ""
    console.print(head, overflow="ignore", crop=False)
    for part in wrap(text, console.width - len(INDENT), break_long_words=False, break_on_hyphens=False):
        console.print(Text(f"{INDENT}{part}"), overflow="ignore", crop=False, soft_wrap=True)  # an id stays whole
    return today


def _write(data: dict[str, Any]) -> str:
    where = f" in {data['account']}" if data.get("account") else ""
    what = f"{data['what']} ({data['call']}{where})" if data.get("what") else f"{data['call']}{where}"
    if not data.get("code"):
        return what
    request = f" (AWS request id {data['request_id']})" if data.get("request_id") else ""
    return f"{what}: refused, {data['code']}{request}"
