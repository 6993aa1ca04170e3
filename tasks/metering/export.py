"""Reports as files: CSV for spreadsheets, JSON for programs. The same reports are the same bytes in any database.

CSV has one line for each line of a report. JSON is a list with one report on each line, which `metering restore` reads.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator

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
DANGEROUS = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet takes a text that begins so for a formula


def as_csv(found: Iterable[UsageReport]) -> Iterator[str]:
    """Yield the text of a CSV file (RFC 4180)."""
    yield _csv_line(COLUMNS)
    for report in found:
        yield "".join(_csv_line(_cells(report, item)) for item in report.line_items)


def as_json(found: Iterable[UsageReport]) -> Iterator[str]:
    """Yield the text of a JSON list."""
    before = "[\n"
    for report in found:
        yield before + report.model_dump_json(by_alias=True, exclude_none=True)
        before = ",\n"
    yield "[]\n" if before == "[\n" else "\n]\n"


def _cells(report: UsageReport, item: LineItem) -> tuple[str, ...]:
    net = item.net_amount
    about = (
        report.platform,
        report.month,
        report.account_id,
        _text(report.account_name),
        report.tenant or "",
        report.workspace or "",
        report.project or "",
        _text(report.payment_method),
        _text(report.landing_zone),
        report.first_day.isoformat(),
        report.last_day.isoformat(),
        str(report.version),
        report.status,
    )
    costs = (net.amount, net.currency, net.base_amount, net.base_currency, net.exchange_rate or "")
    product = (item.kind, _text(item.product_name), _text(item.usage_type), _text(item.usage_unit), item.usage_quantity)
    return (*about, *product, *costs, _text(item.seller_id), _text(item.seller_product_group))


def _text(text: str | None) -> str:
    """Return a text that no spreadsheet takes for a formula.

    >>> _text("=1+1"), _text("EUC1-BoxUsage"), _text(None)
    ("'=1+1", 'EUC1-BoxUsage', '')
    """
    text = text or ""
    return f"'{text}" if text.startswith(DANGEROUS) else text


def _csv_line(cells: Iterable[str]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()
