"""Reads reports and statements, as streams: a month of a large organization has a third of a million lines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Select, and_, func, or_, select

from tasks.metering.database import Database
from tasks.metering.documents import Amount, LineItem, NetAmount, Statement, StatementLine, UsageReport
from tasks.metering.exact import CENT, join, rounded, text_of, total
from tasks.metering.months import Month
from tasks.metering.reporting import FETCHED, Status
from tasks.metering.tables import report_lines, report_totals, reports

ORDER = (reports.c.platform, reports.c.account, reports.c.part)


@dataclass(frozen=True)
class Wanted:
    """Which reports of a month; None: all."""

    month: Month
    platform: str | None = None  # that reads the costs of the organization, or only that of tenants
    workspace: str | None = None
    tenant: str | None = None
    account: str | None = None

    def of(self, query: Select[Any]) -> Select[Any]:
        """Restrict a query of reports."""
        chosen = {
            reports.c.workspace: self.workspace,
            reports.c.tenant: self.tenant,
            reports.c.account: self.account,
        }
        wanted = (column == value for column, value in chosen.items() if value is not None)
        if self.platform is not None:
            of_tenants = reports.c.tenant.endswith(f".{self.platform}", autoescape=True)
            query = query.where(or_(reports.c.platform == self.platform, of_tenants))
        return query.where(and_(reports.c.month == str(self.month), *wanted))


def count(database: Database, wanted: Wanted) -> int:
    """Count reports."""
    with database.reading() as connection:
        return int(connection.execute(wanted.of(select(func.count()).select_from(reports))).scalar_one())


def page(database: Database, wanted: Wanted, number: int, size: int) -> list[UsageReport]:
    """Read one page of reports, by platform and account."""
    ids = wanted.of(select(reports.c.id)).order_by(*ORDER).offset(number * size).limit(size)
    with database.reading() as connection:
        return list(_reports(connection, reports.c.id.in_(ids)))


def stream(database: Database, wanted: Wanted) -> Iterator[UsageReport]:
    """Yield reports, by platform and account; some thousand lines are in memory at once."""
    with database.reading() as connection:
        yield from _reports(connection, reports.c.id.in_(wanted.of(select(reports.c.id))))


def statements(database: Database, wanted: Wanted) -> list[Statement]:
    """Add up what each payment method of each project is charged, in whole cents."""
    names = (reports.c.workspace, reports.c.project, reports.c.payment_method, report_totals.c.currency)
    own = (reports.c.tenant, reports.c.account, reports.c.status)
    sums = (func.sum(report_totals.c[name]).label(name) for name in ("amount", "amount_tail"))
    joined = select(*names, *own, *sums).join(report_totals, report_totals.c.report == reports.c.id)
    with database.reading() as connection:
        rows = connection.execute(wanted.of(joined).group_by(*names, *own)).all()
    ordered = sorted(rows, key=lambda row: tuple(text or "" for text in row[:6]))
    return [_statement(wanted.month, list(rows)) for _, rows in groupby(ordered, key=lambda row: tuple(row[:4]))]


def _statement(month: Month, rows: list[Any]) -> Statement:
    amounts = [join(row.amount, row.amount_tail) for row in rows]
    exact = total(*amounts)
    whole = rounded(exact, CENT)
    return Statement(
        month=str(month),
        workspace=rows[0].workspace,
        project=rows[0].project,
        payment_method=rows[0].payment_method,
        currency=rows[0].currency,
        amount=text_of(whole),
        rounding=text_of(total(whole, -exact)),
        final=all(row.status != Status.OPEN for row in rows),
        lines=[
            StatementLine(tenant=row.tenant, account_id=row.account, status=row.status, amount=text_of(amount))
            for row, amount in zip(rows, amounts, strict=True)
        ],
    )


def _reports(connection: Connection, which: Any) -> Iterator[UsageReport]:
    query = select(reports, report_lines).outerjoin(report_lines, report_lines.c.report == reports.c.id).where(which)
    rows = connection.execute(query.order_by(*ORDER, report_lines.c.position)).yield_per(FETCHED)
    for _, lines in groupby(rows, key=lambda row: row.id):
        yield _report(list(lines))


def _report(rows: list[Any]) -> UsageReport:
    first = rows[0]
    sums: dict[str, Decimal] = {}
    items = []
    for row in rows:
        if row.position is not None:
            amount = join(row.amount, row.amount_tail)
            sums[row.currency] = total(sums.get(row.currency, Decimal(0)), amount)
            items.append(_item(row, amount))
    return UsageReport.model_construct(
        platform=first.platform,
        month=first.month,
        account_id=first.account,
        account_name=first.account_name,
        part=first.part,
        first_day=date.fromordinal(first.first_day),
        last_day=date.fromordinal(first.end_day - 1),
        tenant=first.tenant,
        workspace=first.workspace,
        project=first.project,
        payment_method=first.payment_method,
        landing_zone=first.landing_zone,
        version=first.version,
        status=first.status,
        changed_at=datetime.fromisoformat(first.changed_at),
        totals=[Amount(amount=text_of(each), currency=currency) for currency, each in sorted(sums.items())],
        line_items=items,
    )


def _item(row: Any, amount: Decimal) -> LineItem:
    net = NetAmount.model_construct(
        amount=text_of(amount),
        currency=row.currency,
        base_amount=text_of(join(row.base_amount, row.base_amount_tail)),
        base_currency=row.base_currency,
        exchange_rate=row.exchange_rate,
    )
    return LineItem.model_construct(
        kind=row.kind,
        product_name=row.product,
        usage_type=row.usage_type,
        usage_unit=row.unit,
        usage_quantity=text_of(join(row.quantity, row.quantity_tail)),
        net_amount=net,
        seller_id=row.seller,
        seller_product_group=row.seller_product_group,
    )
