"""Sends usage reports to meshStack, where an API user is configured: those of tenants, each of their versions once.

Which version meshStack has stands beside the report. If the database is lost everything is sent again, which is the
same. A report that meshStack refuses, or that alone has no answer, is tried again every hour, and holds up no other.
Those that had no answer come last in the next tick: several that never have one must not look like an outage for ever.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from time import monotonic
from typing import Any

import structlog
from sqlalchemy import or_, select, update

from tasks.connector import Connector
from tasks.meshstack.api_user import ApiUser
from tasks.meshstack.errors import Away, NotLetIn, Refused
from tasks.metering.database import Database, open_database
from tasks.metering.documents import LineItem, UsageReport
from tasks.metering.exact import price
from tasks.metering.months import Month
from tasks.metering.reading import Wanted, stream
from tasks.metering.tables import reports
from tasks.model.desired import TenantId

AT_ONCE = 300  # reports of one tick, one request at a time
MOST_UNANSWERED = 3  # one after the other; then it is not the report, and meshStack is away
REFUSED_AGAIN = timedelta(hours=1)
SOON = timedelta(seconds=1)
LOCK, LONGEST = "usage_reports", timedelta(minutes=10)
TICK = timedelta(minutes=4)  # the broker hands a message on after 300 s
SOURCE = "meshstack-aws-connector"
log = structlog.get_logger(__name__)


@dataclass
class Sent:
    """What one tick did."""

    sent: int = 0
    refused: int = 0
    silent: int = 0  # of the last ones, those that had no answer
    unanswered: list[list[UsageReport]] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.sent} usage reports sent, {self.refused} refused"


def send(connector: Connector, meshstack: ApiUser, now: datetime, clock: Callable[[], float] = monotonic) -> Sent:
    """Send reports that meshStack does not have as they are; one instance at a time.

    Raises DatabaseAway, redis.RedisError. When meshStack is away, or slow, the next tick goes on.
    """
    done = Sent()
    with connector.store.locks.held(LOCK, LONGEST) as ours:
        if not ours:
            return done
        database, until = open_database(connector.settings), clock() + TICK.total_seconds()
        try:
            for wanted, waiting in _waiting(database, now):
                if clock() > until:
                    break
                for parts in _by_platform(database, wanted):
                    if any(each.part in waiting for each in parts):
                        _send(database, meshstack, parts, done, now)
        except Away as error:
            log.warning("usage reports wait for meshStack", error=str(error))
        for parts in done.unanswered:
            if done.sent:  # it is not away
                _refuse(database, parts, done, now, "no answer")
            else:
                _note(database, parts, lambda _: {"refused_at": (now - REFUSED_AGAIN - SOON).isoformat()})
    return done


def document(parts: list[UsageReport]) -> dict[str, Any]:
    """Write the reports of one account's month, one for each of its owners, as meshStack takes them."""
    return {
        "apiVersion": "v1",
        "kind": "meshResourceUsageReport",
        "fullPlatformIdentifier": _platform(parts[0]),
        "source": SOURCE,
        "lineItems": [_line(item) for part in parts for item in part.line_items],
    }


def _waiting(database: Database, now: datetime) -> list[tuple[Wanted, set[int]]]:
    """List the accounts and months of which parts are to be sent, the newest first, those tried before at the end.

    meshStack knows tenants only.
    """
    again = (now - REFUSED_AGAIN).isoformat()
    query = select(reports.c.month, reports.c.platform, reports.c.account, reports.c.part).where(
        reports.c.tenant.is_not(None),
        or_(reports.c.sent_version.is_(None), reports.c.sent_version != reports.c.version),
        or_(reports.c.refused_at.is_(None), reports.c.refused_at < again),
    )
    tried = reports.c.refused_at.is_not(None)
    ordered = query.order_by(tried, reports.c.month.desc(), reports.c.platform, reports.c.account, reports.c.part)
    found: dict[Wanted, set[int]] = {}
    with database.reading() as connection:
        for row in connection.execute(ordered.limit(AT_ONCE)):
            wanted = Wanted(Month.parse(row.month), platform=row.platform, account=row.account)
            found.setdefault(wanted, set()).add(row.part)
    return list(found.items())


def _send(database: Database, meshstack: ApiUser, parts: list[UsageReport], done: Sent, now: datetime) -> None:
    """Send an account's report; raises Away when it is not the report that has no answer."""
    try:
        meshstack.put_usage_report(parts[0].account_id, parts[0].month, document(parts))
    except Refused as error:
        _refuse(database, parts, done, now, str(error))
    except NotLetIn:
        raise
    except Away as away:
        if away.retry_after is not None:  # it wants a pause, whatever the report is
            raise
        done.unanswered.append(parts)
        done.silent += 1
        if done.silent == MOST_UNANSWERED:
            raise
        return
    else:
        _note(database, parts, lambda part: {"sent_version": part.version, "refused_at": None})
        done.sent += 1
    done.silent = 0


def _refuse(database: Database, parts: list[UsageReport], done: Sent, now: datetime, why: str) -> None:
    """Note that a report is tried again in an hour."""
    done.refused += 1
    log.warning("meshStack refuses a usage report", account=parts[0].account_id, month=parts[0].month, error=why)
    _note(database, parts, lambda _: {"refused_at": now.isoformat()})


def _note(database: Database, parts: list[UsageReport], values: Callable[[UsageReport], Mapping[str, object]]) -> None:
    with database.writing() as connection:
        for part in parts:
            query = update(reports).where(
                reports.c.platform == part.platform,
                reports.c.month == part.month,
                reports.c.account == part.account_id,
                reports.c.part == part.part,
            )
            connection.execute(query.values(**values(part)))


def _by_platform(database: Database, wanted: Wanted) -> Iterable[list[UsageReport]]:
    """Group the reports of an account by the platforms of its owners: it may have changed hands."""
    found: dict[str, list[UsageReport]] = {}
    for report in stream(database, wanted):
        if report.tenant is not None:
            found.setdefault(_platform(report), []).append(report)
    return found.values()


def _platform(report: UsageReport) -> str:
    """Name the platform of the tenant; costs may be read by another one of the organization."""
    return TenantId.parse(report.tenant or "").platform


def _line(item: LineItem) -> dict[str, Any]:
    """Write a line; meshStack wants quantity times price to be the cost."""
    quantity, cost = Decimal(item.usage_quantity), Decimal(item.net_amount.amount)
    each = price(cost, quantity)
    if each is None:
        quantity, each = Decimal(1), cost
    return {
        "productName": item.product_name,
        "usageType": item.usage_type,
        "usageUnit": item.usage_unit,
        "usageQuantity": quantity,
        "usageCost": each,
        "totalCost": cost,
        "currency": item.net_amount.currency,
        "sellerId": item.seller_id,
        **({} if item.seller_product_group is None else {"sellerProductGroup": item.seller_product_group}),
    }
