"""The command `history`: what was replicated for a tenant."""

from __future__ import annotations

import json

from rich.text import Text

from tasks.model.replication import Replication
from workers.cli.connection import Access, connect
from workers.cli.output import show, state_text, stdout_console, table
from workers.cli.tenants.replicate import parse_tenant

MOMENT = "%Y-%m-%d %H:%M:%S %Z"
COLUMNS = ("requested", "by", "state", "seconds", "replication", "first error")


def show_history(tenant: str, access: Access, *, most: int, as_json: bool) -> None:
    """Show the replications of a tenant, the newest first."""
    name = parse_tenant(tenant)
    with connect(access) as client:
        found = client.history(name, most)
    if as_json:
        print(json.dumps([each.model_dump(mode="json", by_alias=True) for each in found], indent=2))
    else:
        show(stdout_console(), table(COLUMNS, [_row(each) for each in found]) if found else "no replications")


def _row(each: Replication) -> tuple[str | Text, ...]:
    taken = (each.ended_at - each.started_at).total_seconds() if each.ended_at and each.started_at else None
    seconds = "" if taken is None else f"{taken:.1f}"
    error = "" if each.last_error is None else f"{each.last_error.code}: {each.last_error.message}"
    by = each.requested_by or "the connector"
    return f"{each.requested_at:{MOMENT}}", by, state_text(each.state), seconds, each.id, error
