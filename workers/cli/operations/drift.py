"""The command `drift`: which tenants differ, or differed at the last daily look."""

from __future__ import annotations

from tasks.documents import Drift, DriftChange
from workers.cli.connection import connect
from workers.cli.options import Access
from workers.cli.output import print_json, show, shown_moment, stdout_console, table

COLUMNS = ("tenant", "now", "since", "checked", "step", "note", "calls")
LEAST = ("checked", "calls", "since")


def show_drift(platform: str | None, access: Access, *, as_json: bool) -> None:
    """Print what was different, since when, and whether it was repaired."""
    with connect(access) as client:
        found = client.drift(platform)
    if as_json:
        print_json(found)
        return
    rows = [_row(drift, change) for drift in found.tenants for change in drift.changes]
    show(stdout_console(), table(COLUMNS, rows, least=LEAST) if rows else "no tenant differs")


def _row(drift: Drift, change: DriftChange) -> tuple[str, ...]:
    now = "differs" if drift.differs else "repaired"
    times = shown_moment(drift.since), shown_moment(drift.looked_at)
    return drift.tenant, now, *times, change.step, change.note, ", ".join(change.calls)
