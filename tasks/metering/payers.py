"""Under which platform's name the costs of an organization are kept: one at a time, or they would be there twice.

Several platforms may be of one organization. The one that has begun goes on as long as it has metering, whatever others
come to be; if it has none any more, the next one takes over all that is there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import structlog
from sqlalchemy import Connection, and_, delete, exists, select, update

from config.catalog import Catalog
from config.platform import Platform
from tasks.metering.database import Database
from tasks.metering.ledger import State
from tasks.metering.tables import collections, live_days, ownerships, payers, reports, spending, told
from tasks.metering.upserts import add
from tasks.metering.wanted import collecting

NAMED = (collections, live_days, ownerships, reports, spending, told)  # tables whose rows are of a platform
log = structlog.get_logger(__name__)


def kept_under(database: Database) -> Mapping[str, str]:
    """Return the platform of each management account whose costs are kept. Raises DatabaseAway."""
    with database.reading() as connection:
        return {row.account: row.platform for row in connection.execute(select(payers))}


def settled(database: Database, catalog: Catalog, now: datetime) -> Sequence[Platform]:
    """Return the platforms whose costs are collected; takes over what others have left. Raises DatabaseAway.

    One that would take over from a worker which reads at this moment is left out: its turn comes when that has ended.
    """
    known = kept_under(database)
    chosen = collecting(catalog, known)
    names = {platform.identifier for platform in chosen}
    ready = []
    for platform in chosen:
        assert platform.metering is not None
        account, before = platform.metering.account_id, known.get(platform.metering.account_id)
        if before == platform.identifier:
            ready.append(platform)
            continue
        mixed = before in names or platform.identifier in known.values()
        with database.writing() as connection:
            if _is_read(connection, before, now):
                continue
            _settle(connection, account, before, platform.identifier, mixed=mixed)
        ready.append(platform)
    return ready


def _is_read(connection: Connection, platform: str | None, now: datetime) -> bool:
    held = collections.c.held_until > now.timestamp() * 1000
    query = select(collections.c.id).where(collections.c.platform == platform, collections.c.holder.is_not(None), held)
    return connection.execute(query).first() is not None


def _settle(connection: Connection, account: str, before: str | None, after: str, *, mixed: bool) -> None:
    """Note the platform of an account's costs, and give it what is kept under the one before.

    mixed   one of the two names has costs of another organization as well: what is there stays
    """
    if before is None:
        add(connection, payers, {"account": account, "platform": after}, ("account",))
        return
    mine = (payers.c.account == account) & (payers.c.platform == before)
    taken = connection.execute(update(payers).where(mine).values(platform=after).returning(payers.c.account)).first()
    if taken is None or mixed:  # None: another worker does it at this moment
        return
    if connection.execute(select(reports.c.id).where(reports.c.platform == after)).first() is not None:
        log.warning("costs of before stay under the name of another platform", before=before, after=after)
        return
    log.warning("costs are kept under the name of another platform", before=before, after=after)
    _make_room(connection, before, after)
    for table in NAMED:
        connection.execute(update(table).where(table.c.platform == before).values(platform=after))
    connection.execute(update(collections).where(collections.c.platform == after).values(holder=None, held_until=0))


def _make_room(connection: Connection, before: str, after: str) -> None:
    """Take away what a name has of its own where the other one has the same: it never had reports, so nobody saw it.

    Pages that were paid under it count on: a day's dollars are those of the organization.
    """
    note = f"its costs are those of {before}"
    own = update(collections).where(collections.c.platform == after, collections.c.state == State.RUNNING)
    connection.execute(own.values(state=State.FAILED, note=note, holder=None, held_until=0))
    paid = spending.alias()
    same_day = and_(paid.c.platform == after, paid.c.day == spending.c.day)
    pages = select(paid.c.pages).where(same_day).scalar_subquery()
    both = update(spending).where(spending.c.platform == before, exists().where(same_day))
    connection.execute(both.values(pages=spending.c.pages + pages))
    for table in (live_days, ownerships, spending, told):
        other = table.alias()
        keys = [column.name for column in table.primary_key if column.name != "platform"]
        same = and_(other.c.platform == before, *(other.c[name] == table.c[name] for name in keys))
        connection.execute(delete(table).where(table.c.platform == after, exists().where(same)))
