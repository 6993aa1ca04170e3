"""priceList and exchangeRates documents: what is read, and what is refused with a sentence."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from config.prices import AWS
from tests.config.samples import PLATFORM, bent, load, mistakes

PRICES: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "priceList",
    "metadata": {"name": "all"},
    "spec": {
        "tenantFees": [{"name": "Account", "amount": "25.00", "currency": "EUR", "sellerId": "us"}],
        "sellers": [{"service": "*Marketplace*", "sellerId": "others", "productGroup": "Third parties"}],
    },
}
FEE: dict[str, Any] = PRICES["spec"]["tenantFees"][0]
RATES: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "exchangeRates",
    "metadata": {"name": "euro"},
    "spec": {"to": "EUR", "rates": [{"month": "2026-10", "currency": "USD", "rate": "0.92"}]},
}


def with_fee(**changes: Any) -> dict[str, Any]:
    return bent(PRICES, "spec.tenantFees", [{**FEE, **changes}])


def test_documents_are_put_together(tmp_path: Path) -> None:
    prices = load(tmp_path, PLATFORM, PRICES, RATES).prices
    (fee,) = prices.fees
    assert (fee.name, fee.amount, fee.currency, fee.seller.id) == ("Account", Decimal("25.00"), "EUR", "us")
    assert prices.seller_of("AWS Marketplace thing").product_group == "Third parties"
    assert prices.seller_of("AWS Lambda") == AWS
    assert prices.rate("2026-10", "USD") == Decimal("0.92")
    assert prices.rate("2026-11", "USD") is prices.rate("2026-10", "EUR") is None


@pytest.mark.parametrize(
    ("documents", "says"),
    [
        ([with_fee(amount=25.5)], 'write it as a text: "25.5"'),
        ([with_fee(amount="much")], "amount"),
        ([with_fee(currency="euro")], "currency"),
        ([with_fee(landingZones=["nowhere"])], "nowhere"),
        ([with_fee(platforms=["aws.nowhere"])], "aws.nowhere"),
        ([with_fee(firstMonth="2026-10", lastMonth="2026-09")], "lastMonth must not come before firstMonth"),
        ([with_fee(firstMonth="October")], "firstMonth"),
        ([with_fee(discount="5")], "discount is not a known field"),
        ([bent(RATES, "spec.rates", [*RATES["spec"]["rates"] * 2])], "two rates of USD in 2026-10"),
        ([bent(RATES, "spec.rates", [{"month": "2026-10", "currency": "USD", "rate": "0"}])], "rate"),
        (
            [RATES, bent(RATES, "spec.to", "CHF") | {"metadata": {"name": "franc"}}],
            "another document converts into EUR",
        ),
        ([PRICES, PRICES], "already exists in"),
    ],
)
def test_mistakes_are_sentences(tmp_path: Path, documents: list[dict[str, Any]], says: str) -> None:
    assert any(says in each for each in mistakes(tmp_path, PLATFORM, *documents))
