"""What is read once more, because AWS has forgotten its token, or has made its bill anew.

What was read is forgotten first: a row that AWS does not tell any more would stay otherwise, and nothing would add up.
If the bill was made anew, its totals are asked for again in the end, and the days that differ are read once more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date

from sqlalchemy import Column, ColumnElement, Connection, Table, and_, delete, literal, or_, select, true, tuple_
from sqlalchemy.dialects import postgresql, sqlite

from tasks.metering.batches import batches
from tasks.metering.known import asked_service
from tasks.metering.ledger import Collection, Stage
from tasks.metering.months import Month
from tasks.metering.pages import digests
from tasks.metering.plan import Part, Plan, names
from tasks.metering.tables import account_days, accounts, commitments, costs, products, seen_products

MANY = 400  # products in one statement


def beginning(
    connection: Connection, collection: Collection, plan: Plan, products_seen: Iterable[tuple[str, str]]
) -> tuple[Plan, int | None]:
    """Forget what is asked for again; answers the plan, and the day from which on a part of the costs is asked.

    products_seen   (service, usage type) of the month
    """
    match collection.stage:
        case Stage.TOTALS:
            _forget(connection, account_days, collection.id)
        case Stage.PRODUCTS:
            _forget(connection, seen_products, collection.id)
        case Stage.RESERVED_INSTANCES | Stage.SAVINGS_PLANS:
            of_service = commitments.c.service == asked_service(collection)
            _forget(connection, commitments, collection.id, commitments.c.kind == collection.stage, of_service)
        case Stage.COSTS:
            return _resuming(connection, collection, plan, products_seen)
    return plan, None


def _resuming(
    connection: Connection, collection: Collection, plan: Plan, products_seen: Iterable[tuple[str, str]]
) -> tuple[Plan, int | None]:
    """Resume a part of the costs on the last day that AWS has told of.

    Costs that AWS dates outside of the month may come last, and only to who asks for all of it: so who has some is
    asked for apart.
    """
    part, resume = plan.parts[collection.part], collection.resume_day or None
    beyond = _with_costs_beyond(connection, collection) if plan.whole else []
    if part.account in beyond:
        resume = None
    elif part.account is None:
        month = collection.month
        more = (Part(month.first, month.end, account=each) for each in beyond)
        plan = replace(plan, parts=(*plan.parts, *(each for each in more if each not in plan.parts)))
    first = date.fromordinal(resume) if resume else part.start
    _forget_part(connection, collection.id, part, names(part, products_seen), first)
    return plan, resume


def _forget_part(connection: Connection, collection: int, part: Part, known: Mapping[str, str], first: date) -> None:
    """Forget the costs of a part from a day on.

    known   what its groups do not name, see `plan.names`; what came up meanwhile stays, and is read again
    """
    days = costs.c.day.between(first.toordinal(), part.end.toordinal() - 1)
    own = and_(days, costs.c.shown_day == 0)  # one that AWS dates elsewhere may be told only with the day before
    if part.account is not None:
        number = select(accounts.c.number).where(accounts.c.account == part.account).scalar_subquery()
        _forget(connection, costs, collection, own, costs.c.account == number)
        return
    pairs = known.items() if part.usage_types else ((service, usage_type) for usage_type, service in known.items())
    for some in batches(pairs, MANY):
        named = tuple_(products.c.service, products.c.usage_type).in_(some)
        _forget(connection, costs, collection, own, costs.c.product.in_(select(products.c.number).where(named)))


def looking_again(connection: Connection, collection: int, month: Month, done: Plan) -> Plan:
    """Return the plan of a second look, with what the totals were; these are forgotten."""
    before = digests(connection, collection, month)
    for table in (account_days, seen_products):
        _forget(connection, table, collection)
    return Plan(whole=done.whole, before=before, also=tuple(sorted({*done.also, *done.days})))


def differing(connection: Connection, collection: int, looked: Plan, new: Mapping[date, str]) -> Plan:
    """Return the plan with the days of which AWS tells something else now; their costs are forgotten."""
    before = looked.before or {}
    every = before.keys() | new.keys()
    days = sorted(day for day in every if before.get(day) != new.get(day))
    if days:
        own = true() if len(days) == len(every) else costs.c.shown_day == 0  # as in `_forget_part`
        _forget(connection, costs, collection, own, costs.c.day.in_([day.toordinal() for day in days]))
    return replace(looked, days=tuple(days))


def carry_over(connection: Connection, before: int, after: int, day: int, month: Month) -> None:
    """Keep a day's costs that AWS dates outside of the month: who asks for some days need not be told of them."""
    names = [column.name for column in costs.columns if column.name != "collection"]
    of_day = and_(costs.c.collection == before, costs.c.day == day, costs.c.shown_day != 0)
    old = select(literal(after), *(costs.c[name] for name in names)).where(of_day, _beyond(costs.c.shown_day, month))
    insert = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(costs)
    connection.execute(insert.from_select(["collection", *names], old).on_conflict_do_nothing())


def _with_costs_beyond(connection: Connection, collection: Collection) -> list[str]:
    """Return the accounts with costs that AWS dates outside of the month."""
    query = select(accounts.c.account).join(account_days, account_days.c.account == accounts.c.number).distinct()
    own = account_days.c.collection == collection.id
    return sorted(connection.execute(query.where(own, _beyond(account_days.c.day, collection.month))).scalars())


def _beyond(day: Column[int], month: Month) -> ColumnElement[bool]:
    return or_(day < month.first.toordinal(), day >= month.end.toordinal())


def _forget(connection: Connection, table: Table, collection: int, *which: ColumnElement[bool]) -> None:
    connection.execute(delete(table).where(table.c.collection == collection, *which))
