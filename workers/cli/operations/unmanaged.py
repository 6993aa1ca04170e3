"""The command `unmanaged`: the accounts that belong to no tenant."""

from __future__ import annotations

from tasks.documents import UnmanagedAccount
from workers.cli.connection import connect
from workers.cli.options import Access
from workers.cli.output import print_json, show, shown_moment, stdout_console, table

COLUMNS = ("account", "name", "email", "OU", "state", "first seen", "last seen", "platforms")
LEAST = ("last seen", "platforms", "OU", "first seen")


def show_unmanaged(platform: str | None, access: Access, *, as_json: bool) -> None:
    """Print the accounts as they were listed last."""
    with connect(access) as client:
        found = client.unmanaged(platform)
    if as_json:
        print_json(found)
        return
    rows = [_row(account) for account in found.accounts]
    show(stdout_console(), table(COLUMNS, rows, least=LEAST) if rows else "every account belongs to a tenant")


def _row(account: UnmanagedAccount) -> tuple[str, ...]:
    times = shown_moment(account.first_seen), shown_moment(account.last_seen)
    unit, platforms = account.organizational_unit or "-", ", ".join(account.platforms)
    return account.account_id, account.name, account.email, unit, account.state, *times, platforms
