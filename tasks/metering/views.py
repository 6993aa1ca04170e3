"""Costs of a month as people look at them: by service, day, account, tenant and so on, with what is to come."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import Column, Connection, func, select

from config.prices import Prices
from tasks.metering.documents import CostRow, CostView, Forecast
from tasks.metering.exact import CENT, join, product, quotient, rounded, text_of, total
from tasks.metering.months import Month
from tasks.metering.owners import histories
from tasks.metering.reading import Wanted
from tasks.metering.tables import account_days, accounts, report_lines, reports
from tasks.metering.watch import LATE, idle, newest_done

NOBODY = "no tenant"
TYPICAL = 7  # days of which the next ones are guessed
Sums = dict[tuple[str, str], Decimal]  # (name, currency) -> amount


class By(StrEnum):
    """What costs are added up by."""

    SERVICE = "service"
    DAY = "day"
    ACCOUNT = "account"
    TENANT = "tenant"
    PROJECT = "project"
    WORKSPACE = "workspace"


COLUMNS: Mapping[By, Column[Any]] = {
    By.SERVICE: report_lines.c.product,
    By.ACCOUNT: reports.c.account,
    By.TENANT: reports.c.tenant,
    By.PROJECT: reports.c.project,
    By.WORKSPACE: reports.c.workspace,
}


def view(
    connection: Connection, wanted: Wanted, by: By, prices: Prices, today: date, platforms: Iterable[str]
) -> CostView:
    """Return the costs of a month.

    platforms   those whose costs are collected
    """
    chosen = [each for each in platforms if wanted.platform in (None, each)]
    days = _by_day(connection, wanted, prices, chosen)
    forecasts = _forecasts(connection, wanted, days, today) if wanted.month == Month.of(today) else []
    if by is By.DAY:
        rows = [
            CostRow(name=str(day), amount=text_of(amount), currency=currency)
            for (day, currency), amount in days.items()
        ]
        return CostView(month=str(wanted.month), by=by, rows=rows, forecasts=forecasts)
    before = Wanted(wanted.month.before, wanted.platform, wanted.workspace, wanted.tenant, wanted.account)
    rows = _rows(_sums(connection, wanted, by), _sums(connection, before, by), _growth(forecasts))
    quiet = (
        [] if by is not By.TENANT else [owner.tenant for each in chosen for _, owner in idle(connection, each, today)]
    )
    return CostView(month=str(wanted.month), by=by, rows=rows, forecasts=forecasts, idle=sorted(set(quiet)))


def _rows(now: Sums, before: Sums, growth: Mapping[str, Decimal]) -> list[CostRow]:
    """Put this month beside the one before, the most expensive first."""
    found = []
    for name, currency in sorted(now.keys() | before.keys(), key=lambda key: (-now.get(key, Decimal(0)), key)):
        amount, earlier = now.get((name, currency), Decimal(0)), before.get((name, currency))
        expected = product(amount, growth.get(currency, Decimal(1)))
        found.append(
            CostRow(
                name=name,
                amount=text_of(amount),
                currency=currency,
                before=None if earlier is None else text_of(earlier),
                rise=None if not before else text_of(total(expected, -(earlier or Decimal(0)))),
            )
        )
    return found


def _growth(forecasts: Iterable[Forecast]) -> dict[str, Decimal]:
    """Return by what an open month is expected to grow, by currency."""
    pairs = ((each.currency, Decimal(each.to_date), Decimal(each.whole_month)) for each in forecasts)
    return {currency: quotient(whole, so_far) for currency, so_far, whole in pairs if so_far}


def _sums(connection: Connection, wanted: Wanted, by: By) -> Sums:
    name = func.coalesce(COLUMNS[by], NOBODY).label("name")
    if by is By.PROJECT:
        name = func.coalesce(reports.c.workspace + "." + reports.c.project, NOBODY).label("name")
    sums = (func.sum(report_lines.c[each]).label(each) for each in ("amount", "amount_tail"))
    query = select(name, report_lines.c.currency, *sums).join(report_lines, report_lines.c.report == reports.c.id)
    rows = connection.execute(wanted.of(query).group_by(name, report_lines.c.currency))
    return {(row.name, row.currency): join(row.amount, row.amount_tail) for row in rows}


def _by_day(
    connection: Connection, wanted: Wanted, prices: Prices, platforms: Iterable[str]
) -> dict[tuple[date, str], Decimal]:
    """Return what AWS says that the wanted accounts cost on each day, in their order."""
    found: dict[tuple[date, str], Decimal] = {}
    for platform in platforms:
        owned = histories(connection, platform) if wanted.workspace or wanted.tenant else {}
        collection = newest_done(connection, platform, wanted.month)
        query = select(accounts.c.account, account_days).join(accounts, accounts.c.number == account_days.c.account)
        rows = connection.execute(query.where(account_days.c.collection == collection).order_by(account_days.c.day))
        for row in rows:
            day = wanted.month.nearest(date.fromordinal(row.day))
            if _is_wanted(wanted, row[0], day, owned):
                amount, rate = join(row.amount, row.amount_tail), prices.rate(str(wanted.month), row.currency)
                key = day, row.currency if rate is None else prices.currency or ""
                worth = amount if rate is None else product(amount, rate)
                found[key] = total(found.get(key, Decimal(0)), worth)
    return dict(sorted(found.items()))


def _is_wanted(wanted: Wanted, account: str, day: date, owned: Mapping[str, Any]) -> bool:
    if wanted.account not in (None, account):
        return False
    if wanted.workspace is None and wanted.tenant is None:
        return True
    owner = next((each for since, each in reversed(owned.get(account, [])) if since <= day), None)
    return owner is not None and wanted.workspace in (None, owner.workspace) and wanted.tenant in (None, owner.tenant)


def _forecasts(
    connection: Connection, wanted: Wanted, days: Mapping[tuple[date, str], Decimal], today: date
) -> list[Forecast]:
    """Guess the rest of the open month by its last days, by currency; what comes once a month is not repeated."""
    spent: dict[str, Decimal] = {}
    for (_, currency), amount in _sums(connection, wanted, By.SERVICE).items():
        spent[currency] = total(spent.get(currency, Decimal(0)), amount)
    told_until = today - timedelta(days=LATE)  # of later days AWS has told a part only
    found = []
    for currency in sorted(spent):
        own = {day: amount for (day, of), amount in days.items() if of == currency}
        usual = [amount for day, amount in own.items() if day <= told_until and day.day != 1][-TYPICAL:]
        part = total(*(amount for day, amount in own.items() if day > told_until))
        rest = (wanted.month.end - max(told_until + timedelta(days=1), wanted.month.first)).days
        daily = quotient(total(*usual), Decimal(len(usual))) if usual else Decimal(0)
        whole = total(spent[currency], -part, daily * rest) if usual else spent[currency]
        so_far, expected = (text_of(rounded(each, CENT)) for each in (spent[currency], whole))
        found.append(Forecast(currency=currency, to_date=so_far, whole_month=expected))
    return found
