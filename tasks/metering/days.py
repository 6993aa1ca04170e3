"""What accounts cost by day, as AWS tells it in total: read as streams, added up by the database where it can.

A month that was put together has no days any more, and one that AWS has told nothing of has none yet: both are unknown
here, and never taken for days without costs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Select, and_, exists, func, or_, select

from tasks.metering.batches import batches
from tasks.metering.exact import CENT, TAIL, join
from tasks.metering.ledger import COMPACTED, State
from tasks.metering.months import Month
from tasks.metering.tables import account_days, accounts, collections

FETCHED = 2000  # rows that are held in memory at once
MANY = 500  # names in one statement
CENT_TAIL = int(CENT * TAIL)


@dataclass(frozen=True)
class Told:
    """The collection that tells the days of a month, and when it was begun."""

    collection: int
    asked_on: date


@dataclass(frozen=True)
class AccountDays:
    """What one account costs in one currency, by day; days without costs are missing."""

    account: str
    currency: str
    costs: Mapping[date, Decimal]


def told(connection: Connection, platform: str, month: Month) -> Told | None:
    """Return the newest collection that tells the days of a month; None: nothing is known of them."""
    query = select(collections.c.id, collections.c.started_at).where(
        collections.c.platform == platform,
        collections.c.month == str(month),
        collections.c.state == State.DONE,
        or_(collections.c.note.is_(None), collections.c.note != COMPACTED),
        exists().where(account_days.c.collection == collections.c.id),
    )
    row = connection.execute(query.order_by(collections.c.id.desc()).limit(1)).first()
    return None if row is None else Told(row.id, datetime.fromisoformat(row.started_at).date())


def told_since(connection: Connection, platform: str, first: date, today: date) -> dict[Month, Told]:
    """Return what tells the days since `first`, by month; a month of which nothing is known is missing."""
    month, found = Month.of(today), {}
    while month.end > first:
        if (known := told(connection, platform, month)) is not None:
            found[month] = known
        month = month.before
    return found


def of_accounts(connection: Connection, told_by: Iterable[Told], first: date) -> Iterator[AccountDays]:
    """Yield what every account costs since a day, by account and currency."""
    names = (accounts.c.account, account_days.c.currency)
    query = _days(told_by, *names).where(account_days.c.day >= first.toordinal())
    rows = connection.execute(query.order_by(*names, account_days.c.day)).yield_per(FETCHED)
    for (account, currency), days in groupby(rows, key=lambda row: (row.account, row.currency)):
        costs = {date.fromordinal(row.day): join(row.amount, row.amount_tail) for row in days}
        yield AccountDays(account, currency, costs)


def with_costs(connection: Connection, told_by: Iterable[Told], first: date) -> set[str]:
    """Return the accounts that have cost a cent since a day, or were given one back."""
    units, tails = (func.sum(func.abs(account_days.c[name])) for name in ("amount", "amount_tail"))
    ids = [each.collection for each in told_by]
    query = select(accounts.c.account).join(accounts, accounts.c.number == account_days.c.account)
    of_days = query.where(account_days.c.collection.in_(ids), account_days.c.day >= first.toordinal())
    some = of_days.group_by(accounts.c.account).having(or_(units > 0, tails >= CENT_TAIL))
    return set(connection.execute(some).scalars())


def by_day(connection: Connection, known: Told, month: Month) -> dict[tuple[date, str], Decimal]:
    """Return what all accounts cost on every day of a month, by day and currency."""
    sums = (func.sum(account_days.c[name]).label(name) for name in ("amount", "amount_tail"))
    query = select(account_days.c.day, account_days.c.currency, *sums).where(
        account_days.c.collection == known.collection
    )
    rows = connection.execute(query.group_by(account_days.c.day, account_days.c.currency))
    found: dict[tuple[date, str], Decimal] = {}
    for row in rows:
        _add(found, (month.nearest(date.fromordinal(row.day)), row.currency), row)
    return found


def of_some(connection: Connection, known: Told, chosen: Collection[str]) -> Iterator[tuple[str, date, str, Decimal]]:
    """Yield account, day, currency and costs of some accounts."""
    for some in batches(sorted(chosen), MANY):
        query = _days((known,), accounts.c.account, account_days.c.currency).where(accounts.c.account.in_(some))
        for row in connection.execute(query).yield_per(FETCHED):
            yield row.account, date.fromordinal(row.day), row.currency, join(row.amount, row.amount_tail)


def _days(told_by: Iterable[Told], *columns: Any) -> Select[Any]:
    ids = [each.collection for each in told_by]
    query = select(*columns, account_days.c.day, account_days.c.amount, account_days.c.amount_tail)
    return query.join(accounts, accounts.c.number == account_days.c.account).where(
        and_(account_days.c.collection.in_(ids))
    )


def _add(found: dict[tuple[date, str], Decimal], key: tuple[date, str], row: Any) -> None:
    found[key] = found.get(key, Decimal(0)) + join(row.amount, row.amount_tail)
