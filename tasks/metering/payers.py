"""Under which platform's name the costs of an organization are kept: one at a time, or they would be there twice.

Several platforms may be of one organization. The one that has begun goes on as long as it has metering, whatever others
come to be; if it has none any more, the next one takes over all that is there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import structlog
from sqlalchemy import Connection, select, update

from config.catalog import Catalog
from config.platform import Platform
from tasks.metering.database import Database
from tasks.metering.tables import collections, live_days, ownerships, payers, reports, spending, told
from tasks.metering.upserts import add
from tasks.metering.wanted import collecting

NAMED = (collections, live_days, ownerships, reports, spending, told)  # tables whose rows are of a platform
log = structlog.get_logger(__name__)


def kept_under(database: Database) -> Mapping[str, str]:
    """Return the platform of each management account whose costs are kept. Raises DatabaseAway."""
    with database.reading() as connection:
        return {row.account: row.platform for row in connection.execute(select(payers))}


def settled(database: Database, catalog: Catalog) -> Sequence[Platform]:
    """Return the platforms whose costs are collected; takes over what others have left. Raises DatabaseAway."""
    known = kept_under(database)
    chosen = collecting(catalog, known)
    names = {platform.identifier for platform in chosen}
    for platform in chosen:
        assert platform.metering is not None
        account, before = platform.metering.account_id, known.get(platform.metering.account_id)
        if before != platform.identifier:
            mixed = before in names or platform.identifier in known.values()
            with database.writing() as connection:
                _settle(connection, account, before, platform.identifier, mixed=mixed)
    return chosen


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
    log.warning("costs are kept under the name of another platform", before=before, after=after)
    for table in NAMED:
        connection.execute(update(table).where(table.c.platform == before).values(platform=after))
    connection.execute(update(collections).where(collections.c.platform == after).values(holder=None, held_until=0))
