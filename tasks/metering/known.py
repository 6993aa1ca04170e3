"""What is known of a month already: AWS's "no data" is believed only where nothing speaks against it.

AWS gives the same answer when it has nothing to tell, when nothing was bought, and while its data is being made anew.
Taken at its word in the last case, it would empty the reports of a month.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, Select, and_, exists, select

from tasks.aws.cost_explorer import RESERVABLE
from tasks.metering.ledger import Collection, Stage
from tasks.metering.tables import account_days, collections, commitments, report_lines, reports

PATIENCE = timedelta(days=1)  # a commitment that AWS does not tell of for longer was given back, or sold


def asked_service(collection: Collection) -> str:
    """Name the service whose reserved instances a collection asks for; savings plans are of none."""
    return list(RESERVABLE)[collection.part] if collection.stage is Stage.RESERVED_INSTANCES else ""


def must_tell(connection: Connection, collection: Collection, now: datetime) -> bool:
    """Tell whether AWS has something to say about what a collection asks now."""
    if collection.stage in (Stage.RESERVED_INSTANCES, Stage.SAVINGS_PLANS):
        return now - collection.started_at < PATIENCE and _any(connection, _bought_before(collection))
    if collection.stage is Stage.TOTALS:
        return _any(connection, _reported(collection))
    return _any(connection, select(account_days.c.day).where(account_days.c.collection == collection.id))


def _any(connection: Connection, query: Select[tuple[int]]) -> bool:
    return bool(connection.execute(select(exists(query))).scalar())


def _reported(collection: Collection) -> Select[tuple[int]]:
    query = select(report_lines.c.report).join(reports, reports.c.id == report_lines.c.report)
    of_month = and_(reports.c.platform == collection.platform, reports.c.month == str(collection.month))
    return query.where(of_month, report_lines.c.kind == "USAGE")


def _bought_before(collection: Collection) -> Select[tuple[int]]:
    query = select(commitments.c.account).join(collections, collections.c.id == commitments.c.collection)
    of_month = and_(collections.c.platform == collection.platform, collections.c.month == str(collection.month))
    asked = and_(commitments.c.kind == collection.stage, commitments.c.service == asked_service(collection))
    return query.where(of_month, asked)
