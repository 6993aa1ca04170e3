"""What a page of AWS's becomes in the database: numbered accounts and products, and rows that are there once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, select, update

from tasks.aws.cost_explorer import Commitment, CostGroup
from tasks.metering.exact import join, split
from tasks.metering.months import Month
from tasks.metering.plan import UNKNOWN_SERVICE, UNKNOWN_USAGE_TYPE, Part
from tasks.metering.tables import account_days, accounts, commitments, costs, products, seen_products
from tasks.metering.upserts import put

MANY = 500  # names asked for in one statement
Product = tuple[str, str, str, str]  # service, usage type, unit, currency


@dataclass
class Numbers:
    """The numbers of accounts and products, as far as this run has met them."""

    accounts: dict[str, int] = field(default_factory=dict)
    products: dict[Product, int] = field(default_factory=dict)

    def meet_accounts(self, connection: Connection, names: Mapping[str, str]) -> None:
        """Number accounts; keeps the newest name of each."""
        fresh = {account: name for account, name in names.items() if account not in self.accounts}
        known = dict(_looked_up(connection, fresh))
        put(
            connection,
            accounts,
            [{"account": each, "name": fresh[each][:255]} for each in sorted(fresh.keys() - known.keys())],
            ["account"],
        )
        for account in sorted(known.keys() & fresh.keys()):  # in one order, so that two do not wait for each other
            if fresh[account]:
                rename = update(accounts).where(accounts.c.account == account, accounts.c.name != fresh[account])
                connection.execute(rename.values(name=fresh[account][:255]))
        self.accounts |= known | dict(_looked_up(connection, fresh.keys() - known.keys()))

    def meet_products(self, connection: Connection, wanted: Iterable[Product]) -> None:
        """Number products."""
        fresh = set(wanted) - self.products.keys()
        if not fresh:
            return
        names = ("service", "usage_type", "unit", "currency")
        put(connection, products, [dict(zip(names, each, strict=True)) for each in sorted(fresh)], names)
        usage_types = sorted({usage_type for _, usage_type, *_ in fresh})
        for start in range(0, len(usage_types), MANY):
            query = select(products).where(products.c.usage_type.in_(usage_types[start : start + MANY]))
            for row in connection.execute(query):
                self.products[row.service, row.usage_type, row.unit, row.currency] = row.number


def _looked_up(connection: Connection, names: Iterable[str]) -> Iterable[tuple[str, int]]:
    wanted = sorted(names)
    for start in range(0, len(wanted), MANY):
        query = select(accounts.c.account, accounts.c.number)
        for row in connection.execute(query.where(accounts.c.account.in_(wanted[start : start + MANY]))):
            yield row.account, row.number


def keep_totals(connection: Connection, collection: int, numbers: Numbers, groups: Iterable[CostGroup]) -> int:
    """Keep what accounts cost on days; answers how many rows."""
    rows = [
        {
            "collection": collection,
            "day": group.day.toordinal(),
            "account": numbers.accounts[group.keys[0]],
            "currency": group.currency,
            **_columns("amount", *split(group.amount)),
        }
        for group in groups
    ]
    put(connection, account_days, rows)
    return len(rows)


def keep_products(connection: Connection, collection: int, groups: Iterable[CostGroup]) -> int:
    """Keep which service has which usage type; answers how many rows."""
    rows = [{"collection": collection, "service": one, "usage_type": two} for one, two in (g.keys for g in groups)]
    put(connection, seen_products, rows)
    return len(rows)


def keep_commitments(
    connection: Connection, collection: int, kind: tuple[str, str], numbers: Numbers, found: Iterable[Commitment]
) -> int:
    """Keep reserved instances of a service, or savings plans; answers how many rows."""
    rows = [
        {
            "collection": collection,
            "kind": kind[0],
            "service": kind[1],
            "identifier": each.id,
            "account": numbers.accounts[each.account],
            "first_day": each.first.toordinal(),
            "end_day": each.end.toordinal(),
            **_columns("upfront", *split(each.upfront)),
            **_columns("amortized", *split(each.amortized)),
        }
        for each in found
    ]
    put(connection, commitments, rows)
    return len(rows)


@dataclass(frozen=True)
class Lines:
    """The groups of one part, read by what they name."""

    part: Part
    names: Mapping[str, str]  # what groups do not name, see `plan.names`
    month: Month

    def account(self, group: CostGroup) -> str:
        """Return whose costs a group is."""
        return group.keys[0] if self.part.account is None else self.part.account

    def product(self, group: CostGroup) -> Product:
        """Return what a group is paid for."""
        one, two = group.keys
        if self.part.account is not None:
            return one, two, group.unit, group.currency
        if self.part.usage_types:
            return two, self.names.get(two, UNKNOWN_USAGE_TYPE), group.unit, group.currency
        return self.names.get(two, UNKNOWN_SERVICE), two, group.unit, group.currency

    def day(self, group: CostGroup) -> tuple[int, int]:
        """Return the day that a group counts for, and the one that AWS names if that is another one.

        What AWS dates outside of the month counts for its first or last day, whichever days were asked for.
        """
        if self.month.nearest(group.day) != group.day:
            return self.month.nearest(group.day).toordinal(), group.day.toordinal()
        inside = min(max(group.day, self.part.start), date.fromordinal(self.part.end.toordinal() - 1))
        return inside.toordinal(), 0 if inside == group.day else group.day.toordinal()


def keep_costs(
    connection: Connection, collection: int, numbers: Numbers, lines: Lines, groups: Iterable[CostGroup]
) -> int:
    """Keep costs; answers how many rows."""
    rows = []
    for group in groups:
        day, shown = lines.day(group)
        amount, quantity = split(group.amount), split(group.quantity)
        rows.append(
            {
                "collection": collection,
                "day": day,
                "account": numbers.accounts[lines.account(group)],
                "product": numbers.products[lines.product(group)],
                "shown_day": shown,
                "amount": amount[0],
                "amount_tail": amount[1],
                "quantity": quantity[0],
                "quantity_tail": quantity[1],
            }
        )
    put(connection, costs, rows)
    return len(rows)


def digests(connection: Connection, collection: int, month: Month) -> dict[date, str]:
    """Say of each day of a month in short what AWS told of it, so that a change is seen.

    What AWS dates outside of the month is part of every day: nobody knows of which day's bill it is.
    """
    query = select(account_days).where(account_days.c.collection == collection)
    ordered = connection.execute(query.order_by(account_days.c.day, account_days.c.account, account_days.c.currency))
    inside, beyond = dict[date, Any](), b""
    for row in ordered:
        told = date.fromordinal(row.day)
        hashed = inside.setdefault(month.nearest(told), sha256())
        line = f"{row.day} {row.account} {row.currency} {join(row.amount, row.amount_tail)}\n".encode()
        if told == month.nearest(told):
            hashed.update(line)
        else:
            beyond = sha256(beyond + line).digest()
    for hashed in inside.values():
        hashed.update(beyond)
    return {day: hashed.hexdigest() for day, hashed in inside.items()}


def _columns(name: str, units: int, tail: int) -> dict[str, Any]:
    return {name: units, f"{name}_tail": tail}
