"""Budgets: what a project may cost in a month, by its tag, and what a payment method may cost in all, by its amount.

A project's budget is monthly; the amount of a payment method is meant, as in meshStack, for all months together. Both
are compared with the reports of every platform. Costs in another currency count by the newest rate that there is, for
rates often come after their month. Source: docs.meshcloud.io, payment methods.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from functools import partial
from typing import Any

from sqlalchemy import Connection, Select, func, literal_column, select

from config.prices import Prices
from tasks.metering.batches import batches
from tasks.metering.exact import join, product, quotient, total
from tasks.metering.months import Month
from tasks.metering.owners import Owner, paying
from tasks.metering.tables import report_totals, reports

MANY = 500  # names in one statement
WHOLE = r"[0-9]+|[0-9]{1,3}(?:[, '][0-9]{3})+"
TEXT = re.compile(rf"\s*(?P<amount>(?:{WHOLE})(?:\.(?![0-9]{{3}}(?![0-9]))[0-9]+)?)\s*(?P<currency>[A-Z]{{3}})?\s*")
"""1.000 is none: some write a thousand so."""
PROJECT = reports.c.workspace + literal_column("'.'") + reports.c.project
"""No parameter: PostgreSQL would take that of a GROUP BY for another one."""
Spent = Mapping[str, Mapping[str, Decimal]]  # name -> currency -> amount
Convert = Callable[[Decimal, str, str], Decimal | None]


class Of(StrEnum):
    """Whose budget it is."""

    PROJECT = "project"
    PAYMENT_METHOD = "payment-method"


@dataclass(frozen=True)
class Budget:
    """A budget, and what is used of it."""

    of: Of
    name: str  # <workspace>.<project>, or the payment method's identifier
    tenant: str  # one that it pays for
    amount: Decimal
    currency: str | None  # None: it names none, and costs are in several, or there are none
    used: Decimal | None  # None: no costs can be compared with it
    beside: Mapping[str, Decimal] = field(default_factory=dict)  # currency -> costs that cannot be compared with it

    @property
    def percent(self) -> Decimal | None:
        """What is used of it."""
        return None if self.used is None else quotient(self.used * 100, self.amount)


def budget_of(text: str | None) -> tuple[Decimal, str | None] | None:
    """Read a budget: an amount above 0, and its currency if it names one; None: it says none.

    >>> budget_of("500 EUR"), budget_of("1,000.50"), budget_of("plenty"), budget_of("1.000"), budget_of("0")
    ((Decimal('500'), 'EUR'), (Decimal('1000.50'), None), None, None, None)
    """
    found = TEXT.fullmatch(text or "")
    if found is None or not (amount := Decimal(re.sub("[, ']", "", found["amount"]))):
        return None
    return amount, found["currency"]


def budgets(connection: Connection, month: Month, prices: Prices) -> Iterator[Budget]:
    """Yield every budget of a tenant that is not deleted: projects' for the month, payment methods' for all months."""
    projects: dict[str, Owner] = {}
    methods: dict[str, Owner] = {}
    for owner in paying(connection):
        if budget_of(owner.budget):
            projects[f"{owner.workspace}.{owner.project}"] = owner
        if owner.payment_method and budget_of(owner.payment_budget):
            methods[owner.payment_method] = owner
    convert = partial(_converted, prices, str(month))
    yield from _compared(Of.PROJECT, projects, _spent(connection, PROJECT, projects, month), convert)
    spent = _spent(connection, reports.c.payment_method, methods, None)
    yield from _compared(Of.PAYMENT_METHOD, methods, spent, convert)


def unreadable(connection: Connection) -> Iterator[tuple[Of, str, str]]:
    """Yield what is no budget though there is a text for one: whose, its name, and the text."""
    found = set()
    for owner in paying(connection):
        if owner.budget and budget_of(owner.budget) is None:
            found.add((Of.PROJECT, f"{owner.workspace}.{owner.project}", owner.budget))
        if owner.payment_method and owner.payment_budget and budget_of(owner.payment_budget) is None:
            found.add((Of.PAYMENT_METHOD, owner.payment_method, owner.payment_budget))
    yield from sorted(found)


def _converted(prices: Prices, month: str, amount: Decimal, currency: str, wanted: str) -> Decimal | None:
    """Convert an amount by the newest rate; None: there is none between these two currencies."""
    if currency == wanted:
        return amount
    if wanted == prices.currency:
        rate = prices.newest_rate(month, currency)
        return None if rate is None else product(amount, rate)
    rate = prices.newest_rate(month, wanted) if currency == prices.currency else None
    return None if rate is None else quotient(amount, rate)


def _compared(of: Of, owners: Mapping[str, Owner], spent: Spent, convert: Convert) -> Iterator[Budget]:
    for name, owner in sorted(owners.items()):
        given = budget_of(owner.budget if of is Of.PROJECT else owner.payment_budget)
        assert given is not None
        amount, currency = given
        by_currency = {of: sum_ for of, sum_ in spent.get(name, {}).items() if sum_}  # nothing is of no currency
        if currency is None and len(by_currency) == 1:
            currency = next(iter(by_currency))
        yield Budget(of, name, owner.tenant, amount, currency, *_used(by_currency, currency, convert))


def _used(
    by_currency: Mapping[str, Decimal], currency: str | None, convert: Convert
) -> tuple[Decimal | None, Mapping[str, Decimal]]:
    """Return what is used of a budget, and what cannot be compared with it."""
    if currency is None:
        return None if by_currency else Decimal(0), by_currency
    known = {of: convert(amount, of, currency) for of, amount in by_currency.items()}
    comparable = [amount for amount in known.values() if amount is not None]
    beside = {of: by_currency[of] for of, amount in known.items() if amount is None}
    return total(*comparable) if comparable or not beside else None, beside


def _spent(connection: Connection, name: Any, names: Iterable[str], month: Month | None) -> Spent:
    """Add up what tenants pay, of all months if none is named."""
    sums = (func.sum(report_totals.c[each]).label(each) for each in ("amount", "amount_tail"))
    joined: Select[Any] = select(name.label("name"), report_totals.c.currency, *sums).join(
        report_totals, report_totals.c.report == reports.c.id
    )
    found: dict[str, dict[str, Decimal]] = {}
    for some in batches(sorted(names), MANY):
        query = joined.where(reports.c.tenant.is_not(None), name.in_(some))
        if month is not None:
            query = query.where(reports.c.month == str(month))
        for row in connection.execute(
            query.group_by(name, report_totals.c.currency).order_by(report_totals.c.currency)
        ):
            found.setdefault(row.name, {})[row.currency] = join(row.amount, row.amount_tail)
    return found
