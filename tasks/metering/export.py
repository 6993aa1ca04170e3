"""Reports as files: CSV for spreadsheets, JSON for programs. The same reports are the same bytes in any database.

CSV has one line for each line of a report; `parquet.py` has the same columns. JSON is a list with one report on each
line, which `metering restore` reads.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Any

from tasks.metering.documents import LineItem, UsageReport

COLUMNS = (
    "platform",
    "month",
    "accountId",
    "accountName",
    "tenant",
    "workspace",
    "project",
    "paymentMethod",
    "landingZone",
    "firstDay",
    "lastDay",
    "version",
    "status",
    "kind",
    "productName",
    "usageType",
    "usageUnit",
    "usageQuantity",
    "amount",
    "currency",
    "baseAmount",
    "baseCurrency",
    "exchangeRate",
    "sellerId",
    "sellerProductGroup",
)
AMOUNTS = frozenset({"usageQuantity", "amount", "baseAmount", "exchangeRate"})
DANGEROUS = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet takes a text that begins so for a formula


def as_csv(found: Iterable[UsageReport]) -> Iterator[str]:
    """Yield the text of a CSV file (RFC 4180)."""
    yield _csv_line(COLUMNS)
    for row in rows(found):
        yield _csv_line(_cell(name, value) for name, value in zip(COLUMNS, row, strict=True))


def as_json(found: Iterable[UsageReport]) -> Iterator[str]:
    """Yield the text of a JSON list."""
    before = "[\n"
    for report in found:
        yield before + report.model_dump_json(by_alias=True, exclude_none=True)
        before = ",\n"
    yield "[]\n" if before == "[\n" else "\n]\n"


def rows(found: Iterable[UsageReport]) -> Iterator[tuple[Any, ...]]:
    """Yield the values of all lines, in the order of `COLUMNS`: texts, days, a number, None."""
    for report in found:
        about = _about(report)
        yield from ((*about, *_of_line(item)) for item in report.line_items)


def _about(report: UsageReport) -> tuple[Any, ...]:
    return (
        report.platform,
        report.month,
        report.account_id,
        report.account_name,
        report.tenant,
        report.workspace,
        report.project,
        report.payment_method,
        report.landing_zone,
        report.first_day,
        report.last_day,
        report.version,
        report.status,
    )


def _of_line(item: LineItem) -> tuple[Any, ...]:
    net = item.net_amount
    costs = (net.amount, net.currency, net.base_amount, net.base_currency, net.exchange_rate)
    product = (item.kind, item.product_name, item.usage_type, item.usage_unit, item.usage_quantity)
    return (*product, *costs, item.seller_id, item.seller_product_group)


def _cell(name: str, value: object) -> str:
    """Return a value as a spreadsheet may read it: a text is no formula for it.

    >>> _cell("accountName", "=1+1"), _cell("amount", "-1.50"), _cell("tenant", None)
    ("'=1+1", '-1.50', '')
    """
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(DANGEROUS) and name not in AMOUNTS else text


def _csv_line(cells: Iterable[str]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()
