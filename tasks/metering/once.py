"""What comes once a month, and does not grow with its days: fees, and what AWS charges on the first day."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Select, and_, func, select

from config.prices import Prices
from tasks.metering import days
from tasks.metering.exact import join, product, total
from tasks.metering.lines import Kind
from tasks.metering.reading import Wanted
from tasks.metering.tables import account_days, accounts, costs, live_days, products, report_lines, reports

FEES = (Kind.FEE, Kind.UPFRONT_FEE)
Sums = dict[tuple[str | None, str], Decimal]  # (name, currency) -> amount


def once(connection: Connection, wanted: Wanted, name: Any, prices: Prices, platforms: Iterable[str]) -> Sums:
    """Add up what comes once a month.

    name        column of `reports` by which it is added up; None: by product
    platforms   those whose costs are collected
    """
    named = report_lines.c.product if name is None else name
    query = select(named.label("name"), report_lines.c.currency, *_sums(report_lines)).join(
        report_lines, report_lines.c.report == reports.c.id
    )
    of_kind = wanted.of(query).where(report_lines.c.kind.in_(FEES)).group_by(named, report_lines.c.currency)
    found: Sums = {(row.name, row.currency): join(row.amount, row.amount_tail) for row in connection.execute(of_kind)}
    for platform in platforms:
        first = _by_product(wanted, platform) if name is None else _by_owner(connection, wanted, name, platform)
        for row in () if first is None else connection.execute(wanted.of(first)):
            rate, amount = prices.rate(str(wanted.month), row.currency), join(row.amount, row.amount_tail)
            key = row.name, row.currency if rate is None else prices.currency or ""
            found[key] = total(found.get(key, Decimal(0)), amount if rate is None else product(amount, rate))
    return found


def _by_owner(connection: Connection, wanted: Wanted, name: Any, platform: str) -> Select[Any] | None:
    """Select what accounts cost on the first day, by who owned them then."""
    told = days.told(connection, platform, wanted.month)
    if told is None:
        return None
    query = select(name.label("name"), account_days.c.currency, *_sums(account_days)).join(
        accounts, accounts.c.number == account_days.c.account
    )
    of_day = and_(account_days.c.collection == told.collection, account_days.c.day == wanted.month.first.toordinal())
    return query.join(reports, _owned(wanted, platform)).where(of_day).group_by(name, account_days.c.currency)


def _by_product(wanted: Wanted, platform: str) -> Select[Any]:
    """Select what products cost on the first day."""
    query = select(products.c.service.label("name"), products.c.currency, *_sums(costs)).join(
        live_days, and_(live_days.c.collection == costs.c.collection, live_days.c.day == costs.c.day)
    )
    of_day = and_(live_days.c.platform == platform, live_days.c.day == wanted.month.first.toordinal())
    owned = query.join(products, products.c.number == costs.c.product).join(
        accounts, accounts.c.number == costs.c.account
    )
    return owned.join(reports, _owned(wanted, platform)).where(of_day).group_by(products.c.service, products.c.currency)


def _owned(wanted: Wanted, platform: str) -> Any:
    """Tie an account to the report of its owner on the first day."""
    return and_(
        reports.c.platform == platform,
        reports.c.account == accounts.c.account,
        reports.c.month == str(wanted.month),
        reports.c.first_day == wanted.month.first.toordinal(),
    )


def _sums(table: Any) -> Iterable[Any]:
    return [func.sum(table.c[each]).label(each) for each in ("amount", "amount_tail")]
