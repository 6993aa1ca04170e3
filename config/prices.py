"""What tenants pay besides what AWS charges: fees, who sells what, and rates by which amounts are converted."""

from collections.abc import Collection, Iterable, Iterator
from decimal import Decimal
from fnmatch import fnmatchcase

from pydantic import BaseModel, ConfigDict

from config.mistakes import nearest


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class Seller(_Frozen):
    """Who sells something, as meshStack names sellers."""

    id: str
    product_group: str | None = None


AWS = Seller(id="AWS")
"""Who sells what no price list names."""


class Fee(_Frozen):
    """What a tenant pays for each month, by days. Months as 2026-10; None: without end."""

    name: str
    amount: Decimal
    currency: str
    seller: Seller
    platforms: tuple[str, ...] = ()  # empty: all
    landing_zones: tuple[str, ...] = ()  # empty: all
    first_month: str | None = None
    last_month: str | None = None

    def applies(self, platform: str, landing_zone: str, month: str) -> bool:
        """Tell whether a tenant pays it in a month."""
        return (
            (not self.platforms or platform in self.platforms)
            and (not self.landing_zones or landing_zone in self.landing_zones)
            and (self.first_month or month) <= month <= (self.last_month or month)
        )


class ServiceSeller(_Frozen):
    """Who sells the services whose names fit a pattern with * and ?."""

    service: str
    seller: Seller


class Prices(_Frozen):
    """All price lists and rates of a configuration directory."""

    fees: tuple[Fee, ...] = ()
    sellers: tuple[ServiceSeller, ...] = ()
    currency: str | None = None  # into which amounts are converted; None: they stay as they are
    rates: dict[tuple[str, str], Decimal] = {}  # (month, currency) -> what one unit of it is worth

    def seller_of(self, service: str) -> Seller:
        """Return who sells a service: the first that fits."""
        return next((each.seller for each in self.sellers if fnmatchcase(service, each.service)), AWS)

    def rate(self, month: str, currency: str) -> Decimal | None:
        """Return the rate of a currency in a month; None: amounts stay in their currency."""
        if self.currency is None or currency == self.currency:
            return None
        return self.rates.get((month, currency))

    def newest_rate(self, month: str, currency: str) -> Decimal | None:
        """Return the rate of a currency in a month, or in the last one before it that has one; None: none has."""
        known = [each for each, of in self.rates if of == currency and each <= month]
        return self.rates[max(known), currency] if known else None


def merged(prices: Iterable[Prices]) -> Prices:
    """Put the documents together; those with rates must agree on the currency."""
    found = list(prices)
    return Prices(
        fees=tuple(fee for each in found for fee in each.fees),
        sellers=tuple(seller for each in found for seller in each.sellers),
        currency=next((each.currency for each in found if each.currency), None),
        rates={key: rate for each in found for key, rate in each.rates.items()},
    )


def other_currency(prices: Prices, currency: str | None) -> Iterator[tuple[str, str, str]]:
    """Find rates into another currency than that of the documents before: path, value, and what is wrong."""
    if currency is not None and prices.currency not in (None, currency):
        yield "spec.to", str(prices.currency), f"another document converts into {currency}"


def unknown_in_fees(
    prices: Prices, platforms: Collection[str], zones: Collection[str]
) -> Iterator[tuple[str, str, str]]:
    """Find the platforms and landing zones of fees that do not exist: path, value, and what is wrong."""
    for fee in prices.fees:
        for where, names, known in (
            ("platforms", fee.platforms, platforms),
            ("landingZones", fee.landing_zones, zones),
        ):
            for name in (each for each in names if each not in known):
                message = f"of the fee {fee.name} is not known; {nearest(name, known)}"
                yield f"spec.tenantFees.{where}", name, message.rstrip("; ")
