"""Budgets: what a project may cost in a month, by its tag, and what a payment method may cost in all, by its amount.

A project's budget is monthly; the amount of a payment method is meant, as in meshStack, for all months together. Both
are compared with the reports of every platform. Source: docs.meshcloud.io, payment methods.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Select, func, literal_column, select

from tasks.metering.batches import batches
from tasks.metering.exact import join, quotient
from tasks.metering.months import Month
from tasks.metering.owners import Owner, paying
from tasks.metering.tables import report_totals, reports

MANY = 500  # names in one statement
TEXT = re.compile(r"\s*(?P<amount>\d+(?:\.\d+)?)\s*(?P<currency>[A-Z]{3})?\s*")
PROJECT = reports.c.workspace + literal_column("'.'") + reports.c.project
"""No parameter: PostgreSQL would take that of a GROUP BY for another one."""
Spent = Mapping[str, Mapping[str, Decimal]]  # name -> currency -> amount


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
    used: Decimal | None  # None: there is no such currency among the costs

    @property
    def percent(self) -> Decimal | None:
        """What is used of it."""
        return None if self.used is None else quotient(self.used * 100, self.amount)


def budget_of(text: str | None) -> tuple[Decimal, str | None] | None:
    """Read a budget: an amount above 0, and its currency if it names one; None: it says none.

    >>> budget_of("500 EUR"), budget_of("12.50"), budget_of("plenty"), budget_of("0")
    ((Decimal('500'), 'EUR'), (Decimal('12.50'), None), None, None)
    """
    found = TEXT.fullmatch(text or "")
    if found is None or not (amount := Decimal(found["amount"])):
        return None
    return amount, found["currency"]


def budgets(connection: Connection, month: Month) -> Iterator[Budget]:
    """Yield every budget of a tenant that is not deleted: projects' for the month, payment methods' for all months."""
    projects: dict[str, Owner] = {}
    methods: dict[str, Owner] = {}
    for owner in paying(connection):
        if budget_of(owner.budget):
            projects[f"{owner.workspace}.{owner.project}"] = owner
        if owner.payment_method and budget_of(owner.payment_budget):
            methods[owner.payment_method] = owner
    yield from _compared(Of.PROJECT, projects, _spent(connection, PROJECT, projects, month))
    yield from _compared(Of.PAYMENT_METHOD, methods, _spent(connection, reports.c.payment_method, methods, None))


def _compared(of: Of, owners: Mapping[str, Owner], spent: Spent) -> Iterator[Budget]:
    for name, owner in sorted(owners.items()):
        given = budget_of(owner.budget if of is Of.PROJECT else owner.payment_budget)
        assert given is not None
        amount, currency = given
        by_currency = {of: sum_ for of, sum_ in spent.get(name, {}).items() if sum_}  # nothing is of no currency
        if currency is None and len(by_currency) == 1:
            currency = next(iter(by_currency))
        used = by_currency.get(currency or "") if by_currency else Decimal(0)
        yield Budget(of, name, owner.tenant, amount, currency, used)


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
