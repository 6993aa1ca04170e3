"""The command `unmanaged`: the accounts that no tenant owns."""

from __future__ import annotations

from tasks.documents import UnmanagedAccount
from workers.cli.connection import Access, connect
from workers.cli.output import show, stdout_console, table
from workers.cli.tenants.status import MOMENT


def show_unmanaged(platform: str | None, access: Access, *, as_json: bool) -> None:
    """Print the accounts as they were listed last."""
    with connect(access) as client:
        found = client.unmanaged(platform)
    if as_json:
        print(found.model_dump_json(by_alias=True, indent=2))
        return
    columns = ("account", "name", "email", "OU", "state", "first seen", "last seen", "platforms")
    rows = [_row(account) for account in found.accounts]
    show(stdout_console(), table(columns, rows) if rows else "every account has its tenant")


def _row(account: UnmanagedAccount) -> tuple[str, ...]:
    times = (f"{account.first_seen:{MOMENT}}", f"{account.last_seen:{MOMENT}}")
    unit, platforms = account.organizational_unit or "-", ", ".join(account.platforms)
    return account.account_id, account.name, account.email, unit, account.state, *times, platforms
