"""What people are shown of costs. Amounts are texts with all their decimals: a number in JSON would lose some."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal

from pydantic import Field

from tasks.model.desired import Document


class NetAmount(Document):
    """What a line costs, in the currency of the price list and in AWS's own."""

    amount: str = Field(examples=["12.3456"])
    currency: str = Field(examples=["EUR"])
    base_amount: str
    base_currency: str = Field(examples=["USD"])
    exchange_rate: str | None = Field(default=None, description="null: not converted")


class LineItem(Document):
    """One line of a usage report."""

    kind: str = Field(description="USAGE, DIFFERENCE, UPFRONT_FEE, COMMITMENT_DISCOUNT or FEE")
    product_name: str
    usage_type: str
    usage_unit: str
    usage_quantity: str
    net_amount: NetAmount
    seller_id: str
    seller_product_group: str | None = None


class Amount(Document):
    """A sum in one currency."""

    amount: str
    currency: str


class UsageReport(Document):
    """What one account costs its owner in a month."""

    platform: str
    month: str = Field(examples=["2026-10"])
    account_id: str
    account_name: str
    part: int = Field(description="0, 1 …: which of the account's owners in this month")
    first_day: date
    last_day: date
    tenant: str | None = Field(default=None, description="null: no tenant owns the account")
    workspace: str | None = None
    project: str | None = None
    payment_method: str | None = None
    landing_zone: str | None = None
    version: int = Field(description="rises when the content or the status changes")
    status: str = Field(description="OPEN, FINALIZED or UPDATED")
    changed_at: datetime
    totals: list[Amount] = Field(description="of all lines, one for each currency")
    line_items: list[LineItem] = Field(default_factory=list)


class StatementLine(Document):
    """What one tenant adds to a statement."""

    tenant: str | None
    account_id: str
    status: str
    amount: str


class Statement(Document):
    """What a payment method of a project is charged for a month, in one currency."""

    month: str
    workspace: str | None = Field(description="null: accounts that no tenant owns")
    project: str | None
    payment_method: str | None
    currency: str
    amount: str = Field(description="in whole cents")
    rounding: str = Field(description="rounding to whole cents")
    final: bool = Field(description="true if all its reports are final")
    lines: list[StatementLine]


class CostRow(Document):
    """What one service, day, account, tenant or workspace costs."""

    name: str
    amount: str
    currency: str
    before: str | None = Field(default=None, description="in the month before; null: unknown")
    rise: str | None = Field(default=None, description="compared with the month before; for an open month, by forecast")


def largest(rows: Iterable[CostRow]) -> dict[str, Decimal]:
    """Return the largest amount of each currency, without its sign and never 0: bars of two do not compare."""
    found: dict[str, Decimal] = {}
    for row in rows:
        found[row.currency] = max(found.get(row.currency, Decimal(0)), abs(Decimal(row.amount)))
    return {currency: amount or Decimal(1) for currency, amount in found.items()}


class Forecast(Document):
    """What a month will have cost at its end, if its days go on like those that AWS has told of."""

    currency: str
    to_date: str
    whole_month: str


class IdleTenant(Document):
    """A tenant whose account has cost nothing for 30 days: it may not be needed any more."""

    tenant: str
    workspace: str
    project: str
    account_id: str


class BudgetRow(Document):
    """What is used of a budget: of a project's in a month, of a payment method's in all months together."""

    of: str = Field(description="project or payment-method")
    name: str = Field(description="<workspace>.<project>, or the payment method's identifier")
    amount: str
    currency: str | None = Field(default=None, description="null: the budget names none, and costs are in several")
    used: str | None = Field(default=None, description="null: no costs can be compared with it")
    percent: str | None = Field(default=None, examples=["83"])
    beside: list[Amount] = Field(default_factory=list, description="costs without a rate into its currency")


class UnreadableBudget(Document):
    """A text that should be a budget, and is no amount above 0."""

    of: str = Field(description="project or payment-method")
    name: str
    text: str


class CostView(Document):
    """Costs of a month by one kind of thing, the most expensive first; days in their order."""

    month: str
    by: str
    rows: list[CostRow]
    count: int = Field(default=0, description="number of all rows; `rows` has the first of them")
    totals: list[Amount] = Field(default_factory=list, description="of the month, one for each currency")
    forecasts: list[Forecast] = Field(default_factory=list)
    idle: list[str] = Field(default_factory=list, description="tenants whose accounts have cost nothing for 30 days")


class CollectionDocument(Document):
    """One reading of a month's costs."""

    id: int
    platform: str
    month: str
    state: str = Field(description="RUNNING, DONE or FAILED")
    stage: str = Field(description="its current or last question")
    final: bool = Field(description="it reads a whole month that AWS has closed")
    pages: int = Field(description="pages that AWS has returned")
    dollars: str = Field(description="what its questions cost, also those that got no answer", examples=["0.12"])
    rows: int
    note: str | None = Field(default=None, description="what it waits for, why it failed, or what is missing")
    asked_by: str | None = None
    started_at: datetime
    ended_at: datetime | None = None


class Spending(Document):
    """What a platform's questions have cost today."""

    platform: str
    dollars: str
    limit: str


class CollectionsDocument(Document):
    """Collections, the newest first, and what was spent today."""

    collections: list[CollectionDocument]
    today: list[Spending]
