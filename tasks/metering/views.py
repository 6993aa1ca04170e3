"""Costs of a month as people look at them: by service, day, account, tenant and so on, with what is to come.

The database adds up; what is held here is one row for each thing that is shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, func, select

from config.prices import Prices
from tasks.metering import days, watch
from tasks.metering.budgets import PROJECT, Of, budgets, unreadable
from tasks.metering.documents import Amount, BudgetRow, CostRow, CostView, Forecast, IdleTenant, UnreadableBudget
from tasks.metering.exact import CENT, join, product, rounded, text_of, total
from tasks.metering.forecasting import Growth, needs_month_before, told_all_of, whole_month
from tasks.metering.months import Month
from tasks.metering.once import once
from tasks.metering.owners import Owner, histories
from tasks.metering.reading import Wanted
from tasks.metering.tables import report_lines, report_totals, reports

NOBODY = "no tenant"
Sums = dict[tuple[str, str], Decimal]  # (name, currency) -> amount
DayCosts = dict[tuple[date, str], Decimal]


class By(StrEnum):
    """What costs are added up by."""

    SERVICE = "service"
    DAY = "day"
    ACCOUNT = "account"
    TENANT = "tenant"
    PROJECT = "project"
    WORKSPACE = "workspace"
    PAYMENT_METHOD = "payment-method"


class Order(StrEnum):
    """Which rows come first."""

    AMOUNT = "amount"
    RISE = "rise"  # those that rise most against the month before


COLUMNS: Mapping[By, Column[Any] | ColumnElement[Any]] = {
    By.SERVICE: report_lines.c.product,
    By.ACCOUNT: reports.c.account,
    By.TENANT: reports.c.tenant,
    By.PROJECT: PROJECT,
    By.WORKSPACE: reports.c.workspace,
    By.PAYMENT_METHOD: reports.c.payment_method,
}


def view(
    connection: Connection,
    wanted: Wanted,
    by: By,
    prices: Prices,
    today: date,
    platforms: Iterable[str],
    order: Order = Order.AMOUNT,
    most: int = 200,
) -> CostView:
    """Return the costs of a month.

    platforms   those whose costs are collected
    order, most   of rows; days are all shown, in their order
    """
    every = list(platforms)
    now = _sums(connection, wanted, By.WORKSPACE if by is By.DAY else by)
    spent = _totals(now)
    in_the_end = _in_the_end(connection, wanted, spent, prices, today, every)
    if by is By.DAY:
        by_day = _by_day(connection, wanted, wanted.month, prices, every)
        rows = [
            CostRow(name=str(day), amount=text_of(amount), currency=currency)
            for (day, currency), amount in by_day.items()
        ]
    else:
        alone = once(connection, wanted, None if by is By.SERVICE else COLUMNS[by], prices, every) if in_the_end else {}
        kept = {(name or NOBODY, currency): amount for (name, currency), amount in alone.items()}
        fixed = _totals(kept)
        growth = {
            currency: Growth(spent[currency], fixed.get(currency, Decimal(0)), whole)
            for currency, whole in in_the_end.items()
        }
        rows = _rows(now, _sums(connection, replace(wanted, month=wanted.month.before), by), kept, growth)
        if order is Order.RISE:
            rows.sort(key=lambda row: -Decimal(row.rise or 0))
    quiet = idle_tenants(connection, wanted, today, every) if by is By.TENANT else []
    return CostView(
        month=str(wanted.month),
        by=by,
        rows=rows if by is By.DAY else rows[:most],
        count=len(rows),
        totals=_amounts(spent),
        forecasts=_shown(spent, in_the_end),
        idle=sorted({each.tenant for each in quiet}),
    )


def forecasts(
    connection: Connection, wanted: Wanted, prices: Prices, today: date, platforms: Iterable[str]
) -> list[Forecast]:
    """Return what the open month costs to date, and probably in the end, by currency; of another month nothing."""
    spent = _totals(_sums(connection, wanted, By.WORKSPACE))
    return _shown(spent, _in_the_end(connection, wanted, spent, prices, today, list(platforms)))


def idle_tenants(connection: Connection, wanted: Wanted, today: date, platforms: Iterable[str]) -> list[IdleTenant]:
    """Return tenants whose accounts have cost nothing for 30 days, if AWS has told of all of these days."""
    return [
        IdleTenant(tenant=owner.tenant, workspace=owner.workspace, project=owner.project, account_id=account)
        for platform in platforms
        for account, owner in watch.idle(connection, platform, today) or ()
        if _is_owned(wanted, owner, platform)
    ]


def budget_rows(connection: Connection, month: Month, prices: Prices, workspace: str | None = None) -> list[BudgetRow]:
    """Return budgets, those of which most is used first."""
    found = [each for each in budgets(connection, month, prices) if workspace in (None, each.tenant.partition(".")[0])]
    found.sort(key=lambda each: (-(each.percent or Decimal(0)), each.of, each.name))
    return [
        BudgetRow(
            of=each.of,
            name=each.name,
            amount=text_of(each.amount),
            currency=each.currency,
            used=None if each.used is None else text_of(rounded(each.used, CENT)),
            percent=None if each.percent is None else f"{rounded(each.percent, Decimal(1))}",
            beside=_amounts(each.beside),
        )
        for each in found
    ]


def unreadable_budgets(connection: Connection, workspace: str | None = None) -> list[UnreadableBudget]:
    """Return what should be budgets; with a workspace, those of its projects."""
    return [
        UnreadableBudget(of=of, name=name, text=text)
        for of, name, text in unreadable(connection)
        if workspace is None or (of is Of.PROJECT and name.partition(".")[0] == workspace)
    ]


def _amounts(sums: Mapping[str, Decimal]) -> list[Amount]:
    return [Amount(amount=text_of(amount), currency=currency) for currency, amount in sorted(sums.items())]


def _is_open(wanted: Wanted, today: date) -> bool:
    return wanted.month == Month.of(today)


def _totals(sums: Sums) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for (_, currency), amount in sums.items():
        found[currency] = total(found.get(currency, Decimal(0)), amount)
    return found


def _rows(now: Sums, before: Sums, kept: Sums, growth: Mapping[str, Growth]) -> list[CostRow]:
    """Put this month beside the one before, the most expensive first.

    kept, growth  of what `now` has, that which does not grow, and how the rest does until the end of an open month
    """
    found = []
    for name, currency in sorted(now.keys() | before.keys(), key=lambda key: (-now.get(key, Decimal(0)), key)):
        amount, earlier = now.get((name, currency), Decimal(0)), before.get((name, currency))
        grows = growth.get(currency)
        expected = amount if grows is None else grows.of(amount, kept.get((name, currency), Decimal(0)))
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


def _sums(connection: Connection, wanted: Wanted, by: By) -> Sums:
    name = COLUMNS[by]
    added = report_lines if by is By.SERVICE else report_totals
    sums = (func.sum(added.c[each]).label(each) for each in ("amount", "amount_tail"))
    query = select(name.label("name"), added.c.currency, *sums).join(added, added.c.report == reports.c.id)
    rows = connection.execute(wanted.of(query).group_by(name, added.c.currency))
    return {(row.name or NOBODY, row.currency): join(row.amount, row.amount_tail) for row in rows}


def _by_day(connection: Connection, wanted: Wanted, month: Month, prices: Prices, platforms: Sequence[str]) -> DayCosts:
    """Return what AWS says that the wanted accounts cost on each day of a month, in their order.

    It is converted by the rates of the month that is wanted.
    """
    costs: DayCosts = {}
    for platform in platforms:
        known = days.told(connection, platform, month)
        if known is None:
            continue
        if wanted.account is None and _is_everybodys(wanted, platform):
            told = days.by_day(connection, known, month)
        else:
            told = _of_wanted(connection, platform, known, wanted, month)
        for key, amount in told.items():
            costs[key] = total(costs.get(key, Decimal(0)), amount)
    found: DayCosts = {}
    for (day, currency), amount in costs.items():
        rate = prices.rate(str(wanted.month), currency)
        key = day, currency if rate is None else prices.currency or ""
        found[key] = total(found.get(key, Decimal(0)), amount if rate is None else product(amount, rate))
    return dict(sorted(found.items()))


def _of_wanted(connection: Connection, platform: str, known: days.Told, wanted: Wanted, month: Month) -> DayCosts:
    """Add up the days on which accounts were those of the wanted owner."""
    history = histories(connection, platform, wanted.workspace, wanted.tenant)
    chosen = [*history] if wanted.account is None else [wanted.account]
    everybodys = _is_everybodys(wanted, platform)
    found: DayCosts = {}
    for account, told_day, currency, amount in days.of_some(connection, known, chosen):
        day = month.nearest(told_day)
        owner = next((each for since, each in reversed(history.get(account, [])) if since <= day), None)
        if everybodys or (owner is not None and _is_owned(wanted, owner, platform)):
            found[day, currency] = total(found.get((day, currency), Decimal(0)), amount)
    return found


def _is_everybodys(wanted: Wanted, platform: str) -> bool:
    return (wanted.workspace, wanted.tenant) == (None, None) and wanted.platform in (None, platform)


def _is_owned(wanted: Wanted, owner: Owner, platform: str) -> bool:
    """Tell whether an owner is wanted.

    platform   that reads the costs of the owner's account
    """
    return (
        wanted.platform in (None, platform, owner.platform)
        and wanted.workspace in (None, owner.workspace)
        and wanted.tenant in (None, owner.tenant)
    )


def _in_the_end(
    connection: Connection,
    wanted: Wanted,
    spent: Mapping[str, Decimal],
    prices: Prices,
    today: date,
    platforms: Sequence[str],
) -> dict[str, Decimal]:
    """Return what the open month will have cost, by currency; of another month nothing."""
    if not _is_open(wanted, today):
        return {}
    known = (
        days.told(connection, platform, wanted.month) for platform in platforms if wanted.platform in (None, platform)
    )
    told_until = told_all_of((each.asked_on for each in known if each is not None), today, watch.LATE)
    by_day = _by_day(connection, wanted, wanted.month, prices, platforms)
    known_from = wanted.month.first
    if needs_month_before(told_until, wanted.month):
        before = _by_day(connection, wanted, wanted.month.before, prices, platforms)
        known_from = wanted.month.before.first if before else known_from
        by_day |= before
    known_from = max(known_from, _owned_since(connection, wanted, platforms))
    found = {}
    for currency, amount in spent.items():
        own = {day: cost for (day, of), cost in by_day.items() if of == currency}
        found[currency] = whole_month(amount, own, known_from, told_until, wanted.month)
    return found


def _owned_since(connection: Connection, wanted: Wanted, platforms: Sequence[str]) -> date:
    """Return since when there are accounts of the wanted owner; always, where nobody is named."""
    if (wanted.workspace, wanted.tenant) == (None, None):
        return date.min
    every = (histories(connection, platform, wanted.workspace, wanted.tenant).values() for platform in platforms)
    changes = (change for found in every for history in found for change in history)
    owned = [
        since
        for since, owner in changes
        if wanted.workspace in (None, owner.workspace) and wanted.tenant in (None, owner.tenant)
    ]
    return min(owned, default=date.min)


def _shown(spent: Mapping[str, Decimal], in_the_end: Mapping[str, Decimal]) -> list[Forecast]:
    return [
        Forecast(
            currency=currency,
            to_date=text_of(rounded(spent[currency], CENT)),
            whole_month=text_of(rounded(whole, CENT)),
        )
        for currency, whole in sorted(in_the_end.items())
    ]
