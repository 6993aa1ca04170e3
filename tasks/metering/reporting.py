"""Makes the reports of a month from what was collected: one for each account and owner, again and again the same.

Costs are added up by the database and read as a stream; a report is written whole, with its lines, in one transaction.
A content that differs from the one before is another version. A month that AWS has closed is FINALIZED; if it is
collected again and differs then, it is UPDATED.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from hashlib import sha256
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Select, and_, delete, func, insert, select, tuple_, update

from config.prices import Prices
from tasks.metering.batches import batches
from tasks.metering.database import Database
from tasks.metering.exact import join, split
from tasks.metering.ledger import Collection
from tasks.metering.lines import NO_UNIT, Bought, Line, chargeback, converted, differences, fees, usage
from tasks.metering.owners import Owner, Segment, histories, segments
from tasks.metering.tables import (
    account_days,
    accounts,
    commitments,
    costs,
    live_days,
    products,
    report_lines,
    reports,
)
from tasks.metering.totals import keep_totals
from tasks.metering.upserts import put

AT_ONCE = 200  # reports in one transaction
FETCHED = 2000  # rows that are held in memory at once
MAIN = "USD"  # the currency of an account that AWS names none of
Renew = Callable[[Connection], None]


class Status(StrEnum):
    """How far a report can be relied on."""

    OPEN = "OPEN"  # AWS may still change it
    FINALIZED = "FINALIZED"
    UPDATED = "UPDATED"  # it was FINALIZED, and differs now


@dataclass(frozen=True)
class Draft:
    """A report as it should be."""

    account: str
    account_name: str
    part: int
    segment: Segment
    lines: tuple[Line, ...]

    @property
    def digest(self) -> str:
        """Say its content in short."""
        return sha256(
            repr((self.segment.first, self.segment.end, _paying(self.segment.owner), self.lines)).encode()
        ).hexdigest()


@dataclass
class Reporter:
    """Makes the reports of one collection."""

    database: Database
    prices: Prices
    collection: Collection
    now: datetime
    _without_rate: set[str] = field(default_factory=set)  # currencies

    def make(self, renew: Renew) -> str | None:
        """Make them all; answers what people should know of them. `renew` is called in each transaction."""
        seen = set()
        for drafts in batches(self._drafts(), AT_ONCE):
            with self.database.writing() as connection:
                renew(connection)
                for draft in drafts:
                    self._keep(connection, draft)
            seen |= {(draft.account, draft.part) for draft in drafts}
        with self.database.writing() as connection:
            renew(connection)
            self._empty_others(connection, seen)
        named = ", ".join(sorted(self._without_rate))
        return f"no exchange rate of {self.collection.month} for {named}: not converted" if named else None

    def _drafts(self) -> Iterator[Draft]:
        """Yield every account's reports, by account."""
        with self.database.reading() as connection:
            named = {row.number: (row.account, row.name) for row in connection.execute(select(accounts))}
            numbers = {account: number for number, (account, _) in named.items()}
            owned = histories(connection, self.collection.platform)
            totals, bought = self._totals(connection), self._bought(connection)
            month = self.collection.month
            split_up = {
                numbers[account]: parts
                for account, history in owned.items()
                if account in numbers and len(parts := segments(history, month)) > 1
            }
            whole = {account: segments(history, month)[0] for account, history in owned.items()}
            handled: set[str] = set()
            for number, rows in groupby(
                self._sums(connection, named.keys() - split_up.keys()), key=lambda row: row.account
            ):
                account, name = named[number]
                handled.add(account)
                segment = whole.get(account) or Segment(month.first, month.end, None)
                lines = {0: [self._line(row) for row in rows]}
                yield from self._of(account, name, [segment], lines, totals.get(number, {}), bought.get(number, []))
        with self.database.reading() as connection:
            for number in sorted(totals.keys() | bought.keys() | split_up.keys()):
                account, name = named[number]
                if account in handled:
                    continue
                handled.add(account)
                parts = split_up.get(number) or [whole.get(account) or Segment(month.first, month.end, None)]
                lines = {index: self._lines_of(connection, number, part) for index, part in enumerate(parts)}
                yield from self._of(account, name, parts, lines, totals.get(number, {}), bought.get(number, []))
        for account in sorted(owned.keys() - handled):  # they have cost nothing
            yield from self._of(account, "", segments(owned[account], month), {}, {}, [])

    def _of(
        self,
        account: str,
        name: str,
        parts: list[Segment],
        used: Mapping[int, list[Line]],
        totals: Mapping[str, Decimal],
        bought: list[Bought],
    ) -> Iterator[Draft]:
        """Put an account's reports together; what does not add up stands in the last one."""
        totals = {of: amount for of, amount in totals.items() if amount or of != NO_UNIT}
        currency = max(totals, key=lambda each: (abs(totals[each]), each), default=MAIN)  # AWS names none of fees
        used = {index: [_with_currency(line, currency) for line in lines] for index, lines in used.items()}
        every = [line for lines in used.values() for line in lines]
        missing = list(differences(every, totals))
        for index, segment in enumerate(parts):
            lines = [
                *sorted(used.get(index, ()), key=_order),
                *(missing if index == len(parts) - 1 else ()),
                *chargeback(bought, self.collection.month, segment, currency),
                *fees(self.prices, self.collection.month, segment),
            ]
            ready = tuple(map(self._converted, lines))
            if ready or segment.owner is not None:
                yield Draft(account, name, index, segment, ready)

    def _converted(self, line: Line) -> Line:
        """Return a line in the currency of the price list, or note that it cannot be converted."""
        ready = converted(line, self.prices, self.collection.month)
        if ready.amount and self.prices.currency not in (None, ready.currency):
            self._without_rate.add(ready.currency)
        return ready

    def _keep(self, connection: Connection, draft: Draft) -> None:
        """Write a report if it differs from the one that is there."""
        month = str(self.collection.month)
        key = and_(
            reports.c.platform == self.collection.platform,
            reports.c.month == month,
            reports.c.account == draft.account,
            reports.c.part == draft.part,
        )
        old = connection.execute(select(reports).where(key)).first()
        same = old is not None and _is_same(connection, old, draft)
        status = self._status(old, same=same)
        if old is not None and same and old.status == status:
            if old.digest != draft.digest:  # it came from an export
                connection.execute(update(reports).where(reports.c.id == old.id).values(digest=draft.digest))
            return
        owner, segment = draft.segment.owner, draft.segment
        values: dict[str, Any] = {
            "platform": self.collection.platform,
            "month": month,
            "account": draft.account,
            "account_name": draft.account_name,
            "part": draft.part,
            "first_day": segment.first.toordinal(),
            "end_day": segment.end.toordinal(),
            "tenant": owner.tenant if owner else None,
            "workspace": owner.workspace if owner else None,
            "project": owner.project if owner else None,
            "payment_method": owner.payment_method if owner else None,
            "landing_zone": owner.landing_zone if owner else None,
            "version": 1 if old is None else old.version + 1,
            "status": status,
            "digest": draft.digest,
            "changed_at": self.now.isoformat(),
            "refused_at": None,
        }
        if old is None:
            identifier = connection.execute(insert(reports).values(values).returning(reports.c.id)).scalar_one()
        else:
            identifier = old.id
            connection.execute(update(reports).where(reports.c.id == identifier).values(values))
            connection.execute(delete(report_lines).where(report_lines.c.report == identifier))
        if draft.lines:
            rows = [_row(identifier, position, line) for position, line in enumerate(draft.lines)]
            put(connection, report_lines, rows)
        keep_totals(connection, identifier, ((line.currency, line.amount) for line in draft.lines))

    def _status(self, old: Any, *, same: bool) -> Status:
        if not self.collection.is_final:
            return Status.OPEN
        if old is None or old.status == Status.OPEN:
            return Status.FINALIZED
        return Status(old.status) if same else Status.UPDATED

    def _empty_others(self, connection: Connection, seen: set[tuple[str, int]]) -> None:
        """Take the lines from reports that nothing stands behind any more."""
        of_month = and_(reports.c.platform == self.collection.platform, reports.c.month == str(self.collection.month))
        rows = connection.execute(select(reports).where(of_month)).all()
        for row in (row for row in rows if (row.account, row.part) not in seen):
            first, end = date.fromordinal(row.first_day), date.fromordinal(row.end_day)
            self._keep(connection, Draft(row.account, row.account_name, row.part, Segment(first, end, None), ()))

    def _sums(self, connection: Connection, numbers: Iterable[int]) -> Iterator[Any]:
        """Yield what accounts used of every product, by account; some at a time, so that no statement takes long."""
        wanted = set(numbers)
        for some in batches(sorted(wanted), AT_ONCE):
            inner = self._summed().where(costs.c.account.between(some[0], some[-1])).subquery()
            joined = select(inner, products).join(products, products.c.number == inner.c.product)
            rows = connection.execute(joined.order_by(inner.c.account)).yield_per(FETCHED)
            yield from (row for row in rows if row.account in wanted)

    def _lines_of(self, connection: Connection, account: int, segment: Segment) -> list[Line]:
        """Return what one account used in some days."""
        days = costs.c.day.between(segment.first.toordinal(), segment.end.toordinal() - 1)
        found = self._summed().where(costs.c.account == account, days).subquery()
        joined = select(found, products).join(products, products.c.number == found.c.product)
        return [self._line(row) for row in connection.execute(joined)]

    def _summed(self) -> Select[Any]:
        """Add up the costs of live days, by account and product.

        The days are looked up first, so that SQLite finds the accounts of each by its key, and sorts only them.
        """
        month = self.collection.month
        live = select(live_days.c.collection, live_days.c.day).where(
            live_days.c.platform == self.collection.platform,
            live_days.c.day.between(month.first.toordinal(), month.end.toordinal() - 1),
        )
        sums = (func.sum(costs.c[name]).label(name) for name in ("amount", "amount_tail", "quantity", "quantity_tail"))
        query = select(costs.c.account, costs.c.product, *sums).where(tuple_(costs.c.collection, costs.c.day).in_(live))
        return query.group_by(costs.c.account, costs.c.product)

    def _line(self, row: Any) -> Line:
        quantity, amount = join(row.quantity, row.quantity_tail), join(row.amount, row.amount_tail)
        return usage(row.service, row.usage_type, row.unit, quantity, amount, row.currency, self.prices)

    def _totals(self, connection: Connection) -> Mapping[int, Mapping[str, Decimal]]:
        """Return what AWS says that each account cost, by currency."""
        sums = (func.sum(account_days.c[name]).label(name) for name in ("amount", "amount_tail"))
        query = select(account_days.c.account, account_days.c.currency, *sums)
        grouped = query.where(account_days.c.collection == self.collection.id)
        found: dict[int, dict[str, Decimal]] = {}
        for row in connection.execute(grouped.group_by(account_days.c.account, account_days.c.currency)):
            found.setdefault(row.account, {})[row.currency] = join(row.amount, row.amount_tail)
        return found

    def _bought(self, connection: Connection) -> Mapping[int, list[Bought]]:
        query = select(commitments).where(commitments.c.collection == self.collection.id)
        found: dict[int, list[Bought]] = {}
        for row in sorted(connection.execute(query), key=lambda each: (each.kind, each.identifier)):
            first, end = date.fromordinal(row.first_day), date.fromordinal(row.end_day)
            upfront, amortized = join(row.upfront, row.upfront_tail), join(row.amortized, row.amortized_tail)
            found.setdefault(row.account, []).append(Bought(row.kind, row.identifier, first, end, upfront, amortized))
        return found


def _is_same(connection: Connection, old: Any, draft: Draft) -> bool:
    """Tell whether a report has a draft's content; digests that differ prove nothing."""
    if old.digest == draft.digest:
        return True
    segment = draft.segment
    if (old.first_day, old.end_day) != (segment.first.toordinal(), segment.end.toordinal()):
        return False
    if ((old.tenant, old.payment_method, old.landing_zone) if old.tenant else ()) != _paying(segment.owner):
        return False
    lines = select(report_lines).where(report_lines.c.report == old.id).order_by(report_lines.c.position)
    found = [dict(row) for row in connection.execute(lines).mappings()]
    return found == [_row(old.id, position, line) for position, line in enumerate(draft.lines)]


def _with_currency(line: Line, currency: str) -> Line:
    """Name the account's currency where AWS names none of nothing."""
    return line if line.base_amount or line.base_currency != NO_UNIT else replace(line, base_currency=currency)


def _order(line: Line) -> tuple[str, ...]:
    return line.product, line.usage_type, line.unit, line.base_currency


def _paying(owner: Owner | None) -> tuple[str | None, ...]:
    return () if owner is None else (owner.tenant, owner.payment_method, owner.landing_zone)


def _row(report: int, position: int, line: Line) -> dict[str, Any]:
    amount, base, quantity = split(line.amount), split(line.base_amount), split(line.quantity)
    return {
        "report": report,
        "position": position,
        "kind": line.kind,
        "product": line.product,
        "usage_type": line.usage_type,
        "unit": line.unit,
        "quantity": quantity[0],
        "quantity_tail": quantity[1],
        "amount": amount[0],
        "amount_tail": amount[1],
        "currency": line.currency,
        "base_amount": base[0],
        "base_amount_tail": base[1],
        "base_currency": line.base_currency,
        "exchange_rate": None if line.exchange_rate is None else f"{line.exchange_rate:f}",
        "seller": line.seller,
        "seller_product_group": line.seller_product_group,
    }
