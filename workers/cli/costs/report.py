"""The commands `metering report`, `metering chargeback` and `metering export`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path

from tasks.metering.documents import CostRow, Statement, largest
from workers.cli.connection import connect
from workers.cli.errors import CommandFailed, ExitCode
from workers.cli.options import Access
from workers.cli.output import print_json, print_line, show, stdout_console, table

BAR = 24  # columns of the longest bar
MOST = 40  # rows; who wants all takes --json
ALL = 20_000
Wanted = Mapping[str, str | None]


def show_costs(by: str, order: str, wanted: Wanted, access: Access, *, as_json: bool) -> None:
    """Print costs by one kind of thing."""
    with connect(access) as client:
        found = client.costs(by, order, ALL if as_json else MOST, **wanted)
    if as_json:
        print_json(found)
        return
    console = stdout_console()
    if not found.rows:
        print_line(console, f"{_none(found.month, wanted)}; see aws-connector metering collections")
        return
    longest = largest(found.rows)
    rows = [_cells(row, longest[row.currency]) for row in found.rows]
    show(console, table((by, "amount", "", "month before", "rise"), rows, least=("rise", "month before", "")))
    if len(rows) < found.count:
        print_line(console, f"and {found.count - len(rows)} more: --json shows all")
    for each in found.forecasts:
        told = f"{each.to_date} {each.currency} to date"
        print_line(console, f"{found.month}: {told}, about {each.whole_month} {each.currency} by its end")
    if found.idle:
        print_line(console, f"without costs for 30 days: {', '.join(found.idle)}")


def show_budgets(wanted: Wanted, access: Access, *, as_json: bool) -> None:
    """Print what is used of budgets."""
    with connect(access) as client:
        found = client.budgets(**wanted)
    if as_json:
        print_json(found)
        return
    rows = [
        (each.of, each.name, each.amount, each.used or "?", each.currency or "", f"{each.percent or '?'}%")
        for each in found.budgets
    ]
    columns = ("of", "name", "budget", "used", "currency", "share")
    show(stdout_console(), table(columns, rows) if rows else "no project or payment method has a budget")
    for each in found.budgets:
        beside = " and ".join(f"{_short(of.amount)} {of.currency}" for of in each.beside)
        if beside:
            print_line(stdout_console(), f"{each.name}: {beside} cannot be compared with its budget")
    for wrong in found.unreadable:
        print_line(stdout_console(), f"{wrong.name}: {wrong.text!r} is not a budget; write it as 500 EUR")


def show_statements(wanted: Wanted, access: Access, *, as_json: bool) -> None:
    """Print what payment methods are charged."""
    with connect(access) as client:
        found = client.statements(**wanted)
    if as_json:
        print_json(found)
        return
    rows = [_charged(each) for each in found.statements]
    columns = ("workspace", "project", "payment method", "amount", "currency", "state")
    show(stdout_console(), table(columns, rows) if rows else _none(found.month, wanted))


def export(file: Path, file_format: str, wanted: Wanted, access: Access) -> None:
    """Write usage reports to a file, or to stdout. Raises CommandFailed."""
    with connect(access) as client:
        parts = client.export_reports(file_format, **wanted)
        try:
            if file == Path("-"):
                sys.stdout.flush()
                sys.stdout.buffer.writelines(parts)
            else:
                _write(file, parts)
        except OSError as error:
            raise CommandFailed(f"{file} cannot be written: {error.strerror}", ExitCode.MISTAKES) from error


def _write(file: Path, parts: Iterable[bytes]) -> None:
    """Write a file as a whole, or leave the one that is there: it may be the only copy of old reports."""
    if file.exists() and not file.is_file():  # a pipe, or a device
        with file.open("wb") as opened:
            opened.writelines(parts)
        return
    unfinished = file.with_name(f"{file.name}.part")
    try:
        with unfinished.open("wb") as opened:
            opened.writelines(parts)
        unfinished.replace(file)
    finally:
        unfinished.unlink(missing_ok=True)


def _none(month: str, wanted: Wanted) -> str:
    """Say that no costs are known, and whose."""
    of = ", ".join(f"{name} {value}" for name, value in wanted.items() if value is not None and name != "month")
    return f"no costs of {month} are known{' of ' if of else ''}{of}"


def _cells(row: CostRow, longest: Decimal) -> Sequence[str]:
    amount = Decimal(row.amount)
    bar = "█" * max(1, round(BAR * abs(amount) / longest)) if amount else ""
    before = "" if row.before is None else _short(row.before)
    return row.name, f"{_short(row.amount)} {row.currency}", bar, before, "" if row.rise is None else _signed(row.rise)


def _charged(found: Statement) -> Sequence[str]:
    state = "final" if found.final else "open"
    owner = found.workspace or "no tenant", found.project or "", found.payment_method or ""
    return *owner, found.amount, found.currency, state


def _short(text: str) -> str:
    return f"{Decimal(text):.2f}"


def _signed(text: str) -> str:
    return f"{Decimal(text):+.2f}"
