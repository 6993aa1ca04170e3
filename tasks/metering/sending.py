"""Sends usage reports to meshStack, where an API user is configured: those of tenants, whenever their content changes.

What meshStack has is known by digests in Redis. After a loss of those everything is sent again, which is the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any

import structlog

from tasks.connector import Connector
from tasks.digest import digest
from tasks.meshstack.api_user import ApiUser
from tasks.meshstack.errors import Away, Refused
from tasks.metering.database import Database, open_database
from tasks.metering.documents import LineItem, UsageReport
from tasks.metering.months import Month
from tasks.metering.reading import Wanted, stream
from tasks.model.desired import TenantId

MONTHS = 3  # that may still change: the current one and those before it
AT_ONCE = 300  # reports of one tick, one request at a time
DECIMALS = 12  # of a price; beyond, the whole line is one unit
LOCK, LONGEST = "usage_reports", timedelta(minutes=10)
SOURCE = "meshstack-aws-connector"
log = structlog.get_logger(__name__)


@dataclass
class Sent:
    """What one tick did."""

    sent: int = 0
    refused: int = 0

    def __str__(self) -> str:
        return f"{self.sent} usage reports sent, {self.refused} refused"


def send(connector: Connector, meshstack: ApiUser, now: datetime) -> Sent:
    """Send reports that meshStack does not have as they are; one instance at a time.

    Raises DatabaseAway, redis.RedisError. When meshStack is away, the next tick goes on.
    """
    done = Sent()
    with connector.store.locks.held(LOCK, LONGEST) as ours:
        if not ours:
            return done
        database = open_database(connector.settings)
        try:
            for month in _months(now.date()):
                _send_month(connector, database, meshstack, month, done)
        except Away as error:
            log.warning("usage reports wait for meshStack", error=str(error))
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


def _months(today: date) -> Iterator[Month]:
    month = Month.of(today)
    for _ in range(MONTHS):
        yield month
        month = month.before


def _send_month(connector: Connector, database: Database, meshstack: ApiUser, month: Month, done: Sent) -> None:
    known = connector.store.reports_sent.digests(str(month))
    for name, parts in _by_account(database, month):
        if done.sent + done.refused >= AT_ONCE:
            return
        body = document(parts)
        content = digest(str(body))
        if known.get(name) == content:
            continue
        try:
            meshstack.put_usage_report(parts[0].account_id, str(month), body)
        except Refused as error:  # one account never stops the others
            done.refused += 1
            log.warning(
                "meshStack refuses a usage report", account=parts[0].account_id, month=str(month), error=str(error)
            )
            continue
        connector.store.reports_sent.note(str(month), name, content)
        done.sent += 1


def _by_account(database: Database, month: Month) -> Iterator[tuple[str, list[UsageReport]]]:
    """Yield the reports of each tenant's account, named by its platform and account; meshStack knows no others."""
    owned = (each for each in stream(database, Wanted(month)) if each.tenant is not None)
    for account, reports in groupby(owned, key=lambda each: each.account_id):
        parts: dict[str, list[UsageReport]] = {}  # an account may have changed its owner
        for each in reports:
            parts.setdefault(_platform(each), []).append(each)
        yield from ((f"{platform} {account}", found) for platform, found in parts.items())


def _platform(report: UsageReport) -> str:
    """Name the platform of the tenant; costs may be read by another one of the organization."""
    return TenantId.parse(report.tenant or "").platform


def _line(item: LineItem) -> dict[str, Any]:
    """Write a line; meshStack wants quantity times price to be the cost."""
    quantity, cost = Decimal(item.usage_quantity), Decimal(item.net_amount.amount)
    price = round(cost / quantity, DECIMALS) if quantity else None
    if price is None or price * quantity != cost:
        quantity, price = Decimal(1), cost
    return {
        "productName": item.product_name,
        "usageType": item.usage_type,
        "usageUnit": item.usage_unit,
        "usageQuantity": quantity,
        "usageCost": price,
        "totalCost": cost,
        "currency": item.net_amount.currency,
        "sellerId": item.seller_id,
        **({} if item.seller_product_group is None else {"sellerProductGroup": item.seller_product_group}),
    }
