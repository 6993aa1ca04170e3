"""Collections: what was begun, how far it is, who goes on with it, and what was spent. The record is the work.

One collection of a platform's month runs at a time. A worker holds it for a while and renews that with every page; once
it is dead, another one goes on at the page that was asked for last.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, and_, case, delete, exists, func, or_, select, update

from tasks.metering.database import Database
from tasks.metering.errors import LostCollection
from tasks.metering.months import Month
from tasks.metering.tables import (
    IS_RUNNING,
    account_days,
    collections,
    commitments,
    costs,
    live_days,
    seen_products,
    spending,
)
from tasks.metering.upserts import add, count_up

HELD = 12  # leases: a worker holds a collection for longer than a page, or a statement over a month, takes
NO_PLAN = "{}"
COMPACTED = "daily costs put together"  # the note of a collection that holds a month's costs on its first day
DISORDERED = 0  # as resume_day: AWS did not tell the days one after the other


class State(StrEnum):
    """How a collection stands."""

    RUNNING = "RUNNING"
    DONE = "DONE"
    FAILED = "FAILED"


class Stage(StrEnum):
    """What a collection asks next, in this order."""

    TOTALS = "TOTALS"  # what every account costs on every day: from this follows which days are read
    PRODUCTS = "PRODUCTS"  # which usage types which services have: from this follows what is asked
    RESERVED_INSTANCES = "RESERVED_INSTANCES"
    SAVINGS_PLANS = "SAVINGS_PLANS"
    COSTS = "COSTS"
    REPORTS = "REPORTS"  # nothing is asked: reports are made


@dataclass(frozen=True)
class Collection:
    """One reading of one month."""

    id: int
    platform: str
    month: Month
    state: State
    stage: Stage
    whole: bool  # every day is read, whether it changed or not
    plan: str  # as `plan.py` writes it
    part: int
    token: str | None
    asked_from: int | None
    resume_day: int | None
    pages: int
    asked: int
    audited: int
    rows: int
    estimated: bool
    failures: int  # since AWS has answered last
    note: str | None
    asked_by: str | None
    started_at: datetime
    ended_at: datetime | None

    @property
    def is_final(self) -> bool:
        """Whether it read all of a month that AWS does not change any more."""
        return self.whole and self.started_at.date() >= self.month.final_from


class Ledger:
    """The collections of a database. Raises DatabaseAway."""

    def __init__(self, database: Database, lease: timedelta) -> None:
        self.database = database
        self.held = HELD * lease

    def begin(self, platform: str, month: Month, now: datetime, *, whole: bool, asked_by: str | None) -> Collection:
        """Begin a collection; one of that month that runs is this one."""
        fresh: dict[str, Any] = {
            "platform": platform,
            "month": str(month),
            "state": State.RUNNING,
            "asked_by": asked_by,
            "started_at": now.isoformat(),
            "whole": int(whole),
            "stage": Stage.TOTALS,
            "plan": NO_PLAN,
        }
        fresh |= dict.fromkeys(("part", "pages", "asked", "rows_kept", "estimated", "held_until"), 0)
        running = select(collections).where(
            collections.c.platform == platform, collections.c.month == str(month), collections.c.state == State.RUNNING
        )
        while True:  # one that is found running may have ended before it is read
            with self.database.writing() as connection:
                made = add(connection, collections, fresh, ("platform", "month"), IS_RUNNING)
                found = made or connection.execute(running).first()
            if found is not None:
                return _collection(found)

    def find(self, identifier: int) -> Collection | None:
        """Read a collection; None: there is none."""
        with self.database.reading() as connection:
            row = connection.execute(select(collections).where(collections.c.id == identifier)).first()
        return None if row is None else _collection(row)

    def listed(self, platform: str | None, most: int) -> list[Collection]:
        """Read collections, the newest first."""
        query = select(collections).order_by(collections.c.id.desc()).limit(most)
        if platform is not None:
            query = query.where(collections.c.platform == platform)
        with self.database.reading() as connection:
            return [_collection(row) for row in connection.execute(query)]

    def running(self) -> list[Collection]:
        """Read those that run, the oldest first."""
        query = select(collections).where(collections.c.state == State.RUNNING).order_by(collections.c.id)
        with self.database.reading() as connection:
            return [_collection(row) for row in connection.execute(query)]

    def resting(self, now: datetime) -> list[Collection]:
        """Read those that run, the oldest first; none of a platform that is read right now, or pauses.

        AWS throttles all who ask for an organization's costs together.
        """
        other = collections.alias()
        busy = or_(other.c.held_until >= _ms(now), other.c.paused_until > _ms(now))
        is_busy = exists().where(other.c.platform == collections.c.platform, other.c.state == State.RUNNING, busy)
        query = select(collections).where(collections.c.state == State.RUNNING, ~is_busy)
        with self.database.reading() as connection:
            return [_collection(row) for row in connection.execute(query.order_by(collections.c.id))]

    def newest(self, platform: str, month: Month, state: State | None = None) -> Collection | None:
        """Read the newest collection of a month; None: there is none, or none that stands so."""
        query = select(collections).where(collections.c.platform == platform, collections.c.month == str(month))
        if state is not None:
            query = query.where(collections.c.state == state)
        with self.database.reading() as connection:
            row = connection.execute(query.order_by(collections.c.id.desc()).limit(1)).first()
        return None if row is None else _collection(row)

    def unfinished(self, platform: str) -> list[Month]:
        """Return the months that were read, but not since AWS has closed them."""
        done = and_(collections.c.platform == platform, collections.c.state == State.DONE)
        read = func.max(case((collections.c.whole == 1, collections.c.started_at), else_="")).label("read")
        query = select(collections.c.month, read).where(done).group_by(collections.c.month)
        with self.database.reading() as connection:
            found = [(Month.parse(row.month), row.read) for row in connection.execute(query)]
        return [month for month, read_at in found if read_at[:10] < month.final_from.isoformat()]

    def take(self, collection: Collection, holder: str, now: datetime) -> Collection | None:
        """Hold a collection that runs; None: another one does, it has ended, or has a new name."""
        as_known = (collections.c.id == collection.id, collections.c.platform == collection.platform)
        free = or_(collections.c.holder.is_(None), collections.c.held_until < _ms(now), collections.c.holder == holder)
        with self.database.writing() as connection:
            query = update(collections).where(*as_known, collections.c.state == State.RUNNING)
            held = {"holder": holder, "held_until": _ms(now + self.held)}
            row = connection.execute(query.where(free).values(held).returning(collections)).first()
        return None if row is None else _collection(row)

    def release(self, identifier: int, holder: str, note: str | None, paused_until: datetime | None) -> None:
        """Let others go on, and say why we do not; after a pause, if AWS has not answered."""
        values: dict[str, Any] = {"holder": None, "held_until": 0, "note": note}
        if paused_until is not None:
            values |= {"paused_until": _ms(paused_until), "failures": collections.c.failures + 1}
        with self.database.writing() as connection:
            query = update(collections).where(collections.c.id == identifier, collections.c.holder == holder)
            connection.execute(query.values(values))

    def note_audited(self, collection: Collection) -> None:
        """Note that the audit log has all of its pages."""
        query = update(collections).where(collections.c.id == collection.id)
        with self.database.writing() as connection:
            connection.execute(query.values(audited=collection.asked))

    def spend(self, collection: Collection, day: date, most: int) -> bool:
        """Count a page that is about to be asked for; False: no more may be asked for on this day."""
        with self.database.writing() as connection:
            counter = {"platform": collection.platform, "day": day.toordinal()}
            if not count_up(connection, spending.c.pages, counter, most):
                return False
            own = update(collections).where(collections.c.id == collection.id)
            connection.execute(own.values(asked=collections.c.asked + 1))
            return True

    def refund(self, collection: Collection, day: date) -> None:
        """Take back a page that AWS refused: it charges for answers only."""
        of_day = and_(spending.c.platform == collection.platform, spending.c.day == day.toordinal())
        with self.database.writing() as connection:
            connection.execute(update(spending).where(of_day, spending.c.pages > 0).values(pages=spending.c.pages - 1))
            own = update(collections).where(collections.c.id == collection.id)
            connection.execute(own.values(asked=collections.c.asked - 1))

    def spent(self, platform: str, day: date) -> int:
        """Return the pages that were asked for on a day."""
        own = select(spending.c.pages).where(spending.c.platform == platform, spending.c.day == day.toordinal())
        with self.database.reading() as connection:
            return connection.execute(own).scalar() or 0


def step(connection: Connection, collection: Collection, holder: str, until: datetime, **changes: Any) -> Collection:
    """Note how far a collection is, in the transaction that keeps what was read; raises LostCollection.

    until     it is held so long
    changes   columns of the table
    """
    query = update(collections).where(
        collections.c.id == collection.id,
        collections.c.holder == holder,
        collections.c.stage == collection.stage,
        collections.c.part == collection.part,
        collections.c.pages == collection.pages,
    )
    values = {"held_until": _ms(until), **changes}
    row = connection.execute(query.values(values).returning(collections)).first()
    if row is None:
        raise LostCollection(f"collection {collection.id} is continued by another worker")
    return _collection(row)


def forget(connection: Connection, identifiers: list[int]) -> None:
    """Delete what collections have read beside costs that are live: newer ones have read it again."""
    for table in (account_days, seen_products, commitments):
        connection.execute(delete(table).where(table.c.collection.in_(identifiers)))
    live = select(live_days.c.collection).where(live_days.c.collection.in_(identifiers))
    connection.execute(delete(costs).where(costs.c.collection.in_(identifiers), costs.c.collection.not_in(live)))


def earlier(connection: Connection, collection: Collection) -> list[int]:
    """Name the earlier collections of the same month that still hold something."""
    query = select(collections.c.id).where(
        collections.c.platform == collection.platform,
        collections.c.month == str(collection.month),
        collections.c.id < collection.id,
        collections.c.id.in_(select(account_days.c.collection).distinct()),
    )
    return list(connection.execute(query).scalars())


def dollars(pages: int) -> Decimal:
    """Return what pages cost."""
    return Decimal(pages) * Decimal("0.01")


def _collection(row: Row[Any]) -> Collection:
    return Collection(
        id=row.id,
        platform=row.platform,
        month=Month.parse(row.month),
        state=State(row.state),
        stage=Stage(row.stage),
        whole=bool(row.whole),
        plan=row.plan,
        part=row.part,
        token=row.token,
        asked_from=row.asked_from,
        resume_day=row.resume_day,
        pages=row.pages,
        asked=row.asked,
        audited=row.audited,
        rows=row.rows_kept,
        estimated=bool(row.estimated),
        failures=row.failures,
        note=row.note,
        asked_by=row.asked_by,
        started_at=datetime.fromisoformat(row.started_at),
        ended_at=datetime.fromisoformat(row.ended_at) if row.ended_at else None,
    )


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
