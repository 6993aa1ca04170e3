"""Daily costs are put together once they are old, and deleted later; reports are kept.

The platform document says after how many days of the month's end (`processing`). A month that was put together has its
costs on its first day; one that is collected again then is read from AWS as a whole.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, delete, func, insert, literal, select

from config.platform import Platform
from tasks.metering.database import Database
from tasks.metering.ledger import COMPACTED, NO_PLAN, Stage, State
from tasks.metering.months import Month
from tasks.metering.tables import account_days, collections, commitments, costs, live_days, seen_products


def tidy(database: Database, platform: Platform, now: datetime) -> None:
    """Put together what is old, and delete what is older."""
    assert platform.metering is not None
    compact = timedelta(days=platform.metering.compact_timelines_after_days)
    drop = timedelta(days=platform.metering.delete_raw_data_after_days)
    with database.reading() as connection:
        days = select(live_days.c.day).where(live_days.c.platform == platform.identifier)
        months = sorted({_month_of(day) for day in connection.execute(days).scalars()})
    for month in months:
        with database.writing() as connection:
            if _is_read(connection, platform.identifier, month):
                continue
            old = max(month.end + compact, month.final_from) <= now.date()
            if month.end + drop <= now.date():
                _drop(connection, platform.identifier, month)
            elif old and not _is_compact(connection, platform.identifier, month):
                _compact(connection, platform.identifier, month, now)


def _month_of(day: int) -> Month:
    return Month.of(date.fromordinal(day))


def _is_read(connection: Connection, platform: str, month: Month) -> bool:
    """Tell whether a collection reads the month right now."""
    of_month = and_(collections.c.platform == platform, collections.c.month == str(month))
    query = select(func.count()).select_from(collections).where(of_month, collections.c.state == State.RUNNING)
    return connection.execute(query).scalar_one() > 0


def _compact(connection: Connection, platform: str, month: Month, now: datetime) -> None:
    """Add up the days of a month, under a collection of its own."""
    before, first = _collections(connection, platform, month), month.first.toordinal()
    made = connection.execute(insert(collections).values(_record(platform, month, now)).returning(collections.c.id))
    identifier = made.scalar_one()
    sums = [func.sum(costs.c[name]) for name in ("amount", "amount_tail", "quantity", "quantity_tail")]
    live = and_(live_days.c.collection == costs.c.collection, live_days.c.day == costs.c.day)
    query = select(literal(identifier), literal(first), costs.c.account, costs.c.product, literal(0), *sums)
    of_month = query.join(live_days, live).where(_days_of(platform, month)).group_by(costs.c.account, costs.c.product)
    connection.execute(insert(costs).from_select([column.name for column in costs.columns], of_month))
    newest = max(before)
    added = [func.sum(account_days.c[name]) for name in ("amount", "amount_tail")]
    totals = select(literal(identifier), literal(first), account_days.c.account, account_days.c.currency, *added)
    grouped = totals.where(account_days.c.collection == newest)
    grouped = grouped.group_by(account_days.c.account, account_days.c.currency)
    connection.execute(insert(account_days).from_select([column.name for column in account_days.columns], grouped))
    connection.execute(delete(live_days).where(_days_of(platform, month)))
    live_day = {"platform": platform, "day": first, "collection": identifier, "digest": COMPACTED}
    connection.execute(insert(live_days), [live_day])
    _forget(connection, before)


def _drop(connection: Connection, platform: str, month: Month) -> None:
    _forget(connection, _collections(connection, platform, month))
    connection.execute(delete(live_days).where(_days_of(platform, month)))


def _forget(connection: Connection, identifiers: list[int]) -> None:
    for table in (costs, account_days, seen_products, commitments):
        connection.execute(delete(table).where(table.c.collection.in_(identifiers)))


def _is_compact(connection: Connection, platform: str, month: Month) -> bool:
    query = select(func.count()).select_from(live_days).where(_days_of(platform, month))
    return connection.execute(query.where(live_days.c.digest != COMPACTED)).scalar_one() == 0


def _days_of(platform: str, month: Month) -> Any:
    days = live_days.c.day.between(month.first.toordinal(), month.end.toordinal() - 1)
    return and_(live_days.c.platform == platform, days)


def _collections(connection: Connection, platform: str, month: Month) -> list[int]:
    of_month = and_(collections.c.platform == platform, collections.c.month == str(month))
    query = select(collections.c.id).where(of_month, collections.c.state != State.RUNNING)
    return list(connection.execute(query).scalars())


def _record(platform: str, month: Month, now: datetime) -> dict[str, Any]:
    fresh: dict[str, Any] = {"platform": platform, "month": str(month), "state": State.DONE, "stage": Stage.REPORTS}
    fresh |= {"started_at": now.isoformat(), "ended_at": now.isoformat(), "whole": 1, "note": COMPACTED}
    fresh |= {"plan": NO_PLAN, **dict.fromkeys(("part", "pages", "asked", "rows_kept", "estimated", "held_until"), 0)}
    return fresh
