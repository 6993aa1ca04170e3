"""The commands `pause` and `resume`, and the list of what is paused."""

from __future__ import annotations

from workers.api.schemas import PausedView
from workers.cli.connection import connect
from workers.cli.names import check_tenant_or_platform
from workers.cli.options import Access
from workers.cli.output import print_json, print_line, show, shown_moment, stdout_console, table

COLUMNS = ("name", "since", "by", "reason")
LEAST = ("by", "since")


def pause(name: str, reason: str | None, access: Access, *, as_json: bool) -> None:
    """Pause a tenant or a platform."""
    check_tenant_or_platform(name)
    with connect(access) as client:
        paused = client.pause(name, reason)
    if as_json:
        print_json(paused)
    else:
        line = f"{paused.name}: paused since {shown_moment(paused.paused_at)}; new orders are queued"
        print_line(stdout_console(), line)


def show_pauses(access: Access, *, as_json: bool) -> None:
    """Show what is paused."""
    with connect(access) as client:
        paused = client.pauses()
    if as_json:
        print_json({"pauses": paused})
    else:
        rows = [_row(each) for each in paused]
        show(stdout_console(), table(COLUMNS, rows, least=LEAST) if rows else "nothing is paused")


def resume(name: str, access: Access, *, as_json: bool) -> None:
    """Resume a tenant or a platform."""
    check_tenant_or_platform(name)
    with connect(access) as client:
        client.resume(name)
    if as_json:
        print_json({"name": name, "resumed": True})
    else:
        print_line(stdout_console(), f"{name}: resumed")


def _row(paused: PausedView) -> tuple[str, ...]:
    return paused.name, shown_moment(paused.paused_at), paused.paused_by or "-", paused.reason or ""
