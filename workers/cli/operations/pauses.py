"""The commands `pause` and `resume`, and the list of what is paused."""

from __future__ import annotations

from workers.cli.connection import Access, connect
from workers.cli.output import print_line, show, stdout_console, table
from workers.cli.tenants.replicate import parse_tenant

MOMENT = "%Y-%m-%d %H:%M %Z"


def pause(name: str | None, reason: str | None, access: Access) -> None:
    """Pause a tenant or a platform; without a name show what is paused."""
    if name is not None:
        _check(name)
    with connect(access) as client:
        if name is None:
            paused = client.pauses()
            rows = [
                (each.name, f"{each.paused_at:{MOMENT}}", each.paused_by or "-", each.reason or "") for each in paused
            ]
            show(stdout_console(), table(("paused", "since", "by", "reason"), rows) if rows else "nothing is paused")
            return
        made = client.pause(name, reason)
    print_line(stdout_console(), f"{made.name}: paused since {made.paused_at:{MOMENT}}; orders are stored")


def resume(name: str, access: Access) -> None:
    """Resume a tenant or a platform."""
    _check(name)
    with connect(access) as client:
        client.resume(name)
    print_line(stdout_console(), f"{name}: goes on")


def _check(name: str) -> None:
    """Refuse what is neither <platform>.<location> nor a tenant's name."""
    if name.count(".") != 1:
        parse_tenant(name)
