"""The lines of a report: what AWS charges, what is shared out, what the price list adds. Pure decisions.

Every line of an account and currency, added up, is what AWS says that the account cost; what does not add up is a line
of its own. Fees and upfront fees come on top and are told apart by their kind.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum

from config.prices import AWS, Prices
from tasks.metering.exact import CENT, product, share, total
from tasks.metering.months import Month
from tasks.metering.owners import Segment

NOT_ITEMISED = "Not itemised by AWS"  # AWS's total of the account has it, and no line does, or the other way round
ROUNDING = "Rounding"
NO_UNIT = "N/A"  # as AWS writes it, of quantities and of what costs nothing
HALF_A_CENT = CENT / 2


class Kind(StrEnum):
    """Why a line is there."""

    USAGE = "USAGE"  # what AWS charges; credits, refunds and tax among them
    DIFFERENCE = "DIFFERENCE"  # between AWS's total and its lines
    UPFRONT_FEE = "UPFRONT_FEE"  # of a commitment, in the month in which it begins
    COMMITMENT_DISCOUNT = "COMMITMENT_DISCOUNT"  # the part of that fee which AWS has spread over who used it
    FEE = "FEE"  # of the price list


@dataclass(frozen=True)
class Line:
    """One line of a report, in the order of its fields."""

    kind: Kind
    product: str
    usage_type: str
    unit: str
    quantity: Decimal
    base_amount: Decimal
    base_currency: str
    seller: str
    seller_product_group: str | None = None
    amount: Decimal = Decimal(0)
    currency: str = ""
    exchange_rate: Decimal | None = None


@dataclass(frozen=True)
class Bought:
    """A commitment that the account has bought."""

    kind: str
    identifier: str
    first: date
    end: date
    upfront: Decimal
    amortized: Decimal  # in this month

    @property
    def label(self) -> str:
        """What people call it."""
        return "Reserved instance" if self.kind == "RESERVED_INSTANCES" else "Savings plan"


def usage(
    service: str, usage_type: str, unit: str, quantity: Decimal, amount: Decimal, currency: str, of: Prices
) -> Line:
    """Return the line of what AWS charges for one product."""
    seller = of.seller_of(service)
    return Line(Kind.USAGE, service, usage_type, unit, quantity, amount, currency, seller.id, seller.product_group)


def differences(lines: Iterable[Line], totals: Mapping[str, Decimal]) -> Iterator[Line]:
    """Yield what makes an account's lines add up to AWS's totals, by currency."""
    sums: dict[str, Decimal] = {}
    for line in lines:
        sums[line.base_currency] = total(sums.get(line.base_currency, Decimal(0)), line.base_amount)
    for currency in sorted(sums.keys() | totals.keys()):
        missing = total(totals.get(currency, Decimal(0)), -sums.get(currency, Decimal(0)))
        if missing:
            name = ROUNDING if abs(missing) < HALF_A_CENT else NOT_ITEMISED
            yield Line(Kind.DIFFERENCE, name, "", NO_UNIT, Decimal(0), missing, currency, AWS.id)


def chargeback(bought: Iterable[Bought], month: Month, segment: Segment, currency: str) -> Iterator[Line]:
    """Yield what a segment's owner pays upfront, and gets back of it as AWS spreads it over who uses it."""
    for each in bought:
        if segment.first <= each.first < segment.end and each.upfront:
            yield _commitment(Kind.UPFRONT_FEE, each, each.upfront, currency)
        if discount := _share(each, month, segment):
            yield _commitment(Kind.COMMITMENT_DISCOUNT, each, -discount, currency)


def _share(bought: Bought, month: Month, segment: Segment) -> Decimal:
    """Return the part of this month's amortisation that falls into a segment, by days; parts add up to the whole."""
    first, end = max(bought.first, month.first), min(max(bought.end, bought.first), month.end)
    days = (end - first).days
    if days <= 0:
        return bought.amortized if segment.first == month.first else Decimal(0)

    def until(day: date) -> Decimal:
        return share(bought.amortized, max(0, (min(day, end) - first).days), days)

    return total(until(segment.end), -until(segment.first))


def _commitment(kind: Kind, bought: Bought, amount: Decimal, currency: str) -> Line:
    return Line(kind, bought.label, bought.identifier, NO_UNIT, Decimal(1), amount, currency, AWS.id)


def fees(prices: Prices, month: Month, segment: Segment) -> Iterator[Line]:
    """Yield the fees of a segment's owner: by days, so that segments of a whole month pay one month's fee together."""
    owner = segment.owner
    if owner is None:
        return
    end = segment.end if owner.deleted_on is None else min(segment.end, max(owner.deleted_on, segment.first))
    for fee in prices.fees:
        if not fee.applies(owner.platform, owner.landing_zone, str(month)):
            continue
        amount = total(_until(fee.amount, month, end), -_until(fee.amount, month, segment.first))
        months = share(Decimal(1), (end - segment.first).days, month.length)
        if amount:
            yield Line(
                Kind.FEE,
                fee.name,
                "",
                "Months",
                months,
                amount,
                fee.currency,
                fee.seller.id,
                fee.seller.product_group,
            )


def _until(amount: Decimal, month: Month, day: date) -> Decimal:
    """Return what is due of a month's fee before a day, in whole cents."""
    return share(amount, (day - month.first).days, month.length, CENT)


def converted(line: Line, prices: Prices, month: Month) -> Line:
    """Return a line in the currency of the price list, if there is a rate for the month."""
    rate = prices.rate(str(month), line.base_currency)
    if rate is None:
        return replace(line, amount=line.base_amount, currency=line.base_currency)
    assert prices.currency is not None
    return replace(line, amount=product(line.base_amount, rate), currency=prices.currency, exchange_rate=rate)
