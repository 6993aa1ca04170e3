"""Puts reports from an export back into a database that was lost: what AWS does not tell any more.

A report that is there already is left as it is. Who owned an account when is taken from the reports as well, so that a
month that is collected again is split as it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from hashlib import sha256
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection, and_, insert, select

from tasks.metering.batches import batches
from tasks.metering.database import Database
from tasks.metering.documents import LineItem, UsageReport
from tasks.metering.exact import split
from tasks.metering.months import Month
from tasks.metering.owners import Owner, Segment, note_former
from tasks.metering.payers import kept_under
from tasks.metering.reporting import Status
from tasks.metering.tables import report_lines, reports
from tasks.metering.totals import keep_totals
from tasks.metering.upserts import put

AT_ONCE = 200  # reports in one transaction
LARGEST = 2**31  # a version is smaller


class NoExport(ValueError):
    """The file is no export of ours; the text says where."""


def read(lines: Iterable[str]) -> Iterator[UsageReport]:
    """Yield the reports of a JSON export, one from each line. Raises NoExport."""
    for number, line in enumerate(lines, start=1):
        text = line.strip().rstrip(",")
        if text in ("", "[", "]", "[]"):
            continue
        try:
            report = UsageReport.model_validate_json(text)
        except ValidationError as error:
            raise NoExport(f"line {number} is not a usage report: {error.errors()[0]['msg']}") from error
        if wrong := _wrong(report):
            raise NoExport(f"line {number} is not a usage report: {wrong}")
        yield report


def _wrong(report: UsageReport) -> str | None:
    """Say what no report of ours has; None: nothing."""
    try:
        month, _ = Month.parse(report.month), Status(report.status)
    except ValueError as error:
        return str(error)
    if not month.first <= report.first_day <= report.last_day < month.end:
        return f"{report.first_day} to {report.last_day} are not days of {month}"
    if report.part < 0 or not 0 < report.version < LARGEST:
        return f"part {report.part}, version {report.version}"
    return None


def restore(database: Database, found: Iterable[UsageReport]) -> tuple[int, int]:
    """Keep reports; answers how many were kept, and how many are there already. Raises NoExport, DatabaseAway."""
    kept = there = 0
    names = frozenset(kept_under(database).values())
    for batch in batches(found, AT_ONCE):
        with database.writing() as connection:
            new = sum(_keep(connection, each, names) for each in batch)
            kept, there = kept + new, there + len(batch) - new
    return kept, there


def _keep(connection: Connection, report: UsageReport, names: frozenset[str]) -> bool:
    key = and_(
        reports.c.platform.in_(names | {report.platform}),  # another platform may have taken over since the export
        reports.c.month == report.month,
        reports.c.account == report.account_id,
        reports.c.part == report.part,
    )
    if connection.execute(select(reports.c.id).where(key)).first() is not None:
        return False
    text = report.model_dump_json(by_alias=True)
    values = {
        "platform": report.platform,
        "month": report.month,
        "account": report.account_id,
        "account_name": report.account_name,
        "part": report.part,
        "first_day": report.first_day.toordinal(),
        "end_day": report.last_day.toordinal() + 1,
        **{name: getattr(report, name) for name in ("tenant", "workspace", "project", "payment_method")},
        "landing_zone": report.landing_zone,
        "version": report.version,
        "status": Status(report.status),
        "digest": sha256(text.encode()).hexdigest(),
        "changed_at": report.changed_at.isoformat(),
    }
    identifier = connection.execute(insert(reports).values(values).returning(reports.c.id)).scalar_one()
    rows = [_row(identifier, position, item) for position, item in enumerate(report.line_items)]
    put(connection, report_lines, rows)
    nets = (item.net_amount for item in report.line_items)
    keep_totals(connection, identifier, ((net.currency, Decimal(net.amount)) for net in nets))
    if report.tenant is not None:
        segment = Segment(report.first_day, report.last_day + timedelta(days=1), _owner(report))
        note_former(connection, report.platform, report.account_id, segment)
    return True


def _owner(report: UsageReport) -> Owner:
    return Owner(
        tenant=report.tenant or "",
        workspace=report.workspace or "",
        project=report.project or "",
        payment_method=report.payment_method,
        landing_zone=report.landing_zone or "",
    )


def _row(report: int, position: int, item: LineItem) -> dict[str, Any]:
    net = item.net_amount
    amount, base, quantity = (_split(text) for text in (net.amount, net.base_amount, item.usage_quantity))
    return {
        "report": report,
        "position": position,
        "kind": item.kind,
        "product": item.product_name,
        "usage_type": item.usage_type,
        "unit": item.usage_unit,
        "quantity": quantity[0],
        "quantity_tail": quantity[1],
        "amount": amount[0],
        "amount_tail": amount[1],
        "currency": net.currency,
        "base_amount": base[0],
        "base_amount_tail": base[1],
        "base_currency": net.base_currency,
        "exchange_rate": net.exchange_rate,
        "seller": item.seller_id,
        "seller_product_group": item.seller_product_group,
    }


def _split(text: str) -> tuple[int, int]:
    try:
        return split(Decimal(text))
    except InvalidOperation as error:
        raise NoExport(f"{text!r} is not an amount") from error
