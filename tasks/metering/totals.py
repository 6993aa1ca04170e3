"""What a report adds up to, by currency: kept with its lines, so that sums over many reports need not read those."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from sqlalchemy import Connection, delete

from tasks.metering.exact import split, total
from tasks.metering.tables import report_totals
from tasks.metering.upserts import put


def keep_totals(connection: Connection, report: int, amounts: Iterable[tuple[str, Decimal]]) -> None:
    """Replace what a report adds up to.

    amounts   currency and amount of each line
    """
    sums: dict[str, Decimal] = {}
    for currency, amount in amounts:
        sums[currency] = total(sums.get(currency, Decimal(0)), amount)
    connection.execute(delete(report_totals).where(report_totals.c.report == report))
    rows = [
        {"report": report, "currency": currency, **dict(zip(("amount", "amount_tail"), split(amount), strict=True))}
        for currency, amount in sorted(sums.items())
    ]
    put(connection, report_totals, rows)
