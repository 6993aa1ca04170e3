"""The command `history`: what was replicated for a tenant."""

from __future__ import annotations

from rich.text import Text

from tasks.model.replication import Replication, State, held_by
from workers.cli.connection import connect
from workers.cli.names import parse_tenant
from workers.cli.options import Access
from workers.cli.output import print_json, show, shown_moment, stdout_console, table
from workers.cli.results import shown_state
from workers.standing import kind_of

COLUMNS = ("requested", "by", "what", "state", "seconds", "replication", "first error")
LEAST = ("seconds", "replication", "by")


def show_history(tenant: str, access: Access, *, most: int, as_json: bool) -> None:
    """Show the replications of a tenant, the newest first."""
    name = parse_tenant(tenant)
    with connect(access) as client:
        found = client.history(name, most)
    if as_json:
        print_json(found)
    else:
        rows = [_row(each) for each in found]
        show(stdout_console(), table(COLUMNS, rows, least=LEAST) if rows else "no replications")


def _row(each: Replication) -> tuple[str | Text, ...]:
    taken = (each.ended_at - each.started_at).total_seconds() if each.ended_at and each.started_at else None
    seconds = "" if taken is None else f"{taken:.1f}"
    error = "" if each.last_error is None else f"{each.last_error.code}: {each.last_error.message}"
    by = each.requested_by or "the connector"
    state = shown_state(each.state, held_by(each.steps) if each.state is State.WAITING else None)
    return shown_moment(each.requested_at), by, kind_of(each), state, seconds, each.id, error
