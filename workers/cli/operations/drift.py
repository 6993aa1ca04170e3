"""The command `drift`: which tenants differ, or differed at the last daily look."""

from __future__ import annotations

from tasks.documents import Drift, DriftChange
from workers.cli.connection import Access, connect
from workers.cli.output import show, stdout_console, table
from workers.cli.tenants.status import MOMENT


def show_drift(platform: str | None, access: Access, *, as_json: bool) -> None:
    """Print what was different, since when, and whether it was repaired."""
    with connect(access) as client:
        found = client.drift(platform)
    if as_json:
        print(found.model_dump_json(by_alias=True, indent=2))
        return
    rows = [_row(drift, change) for drift in found.tenants for change in drift.changes]
    columns = ("tenant", "now", "since", "looked at", "step", "note", "calls")
    show(stdout_console(), table(columns, rows) if rows else "no tenant differs")


def _row(drift: Drift, change: DriftChange) -> tuple[str, ...]:
    now = "differs" if drift.differs else "repaired"
    times = (f"{drift.since:{MOMENT}}", f"{drift.looked_at:{MOMENT}}")
    return drift.tenant, now, *times, change.step, change.note, ", ".join(change.calls)
