"""priceList and exchangeRates documents (v1): kinds of the connector's own, which meshStack does not write."""

from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from config.document_fields import Metadata, OwnPart, Part
from config.prices import Fee, Prices, Seller, ServiceSeller


def _decimal(value: object) -> object:
    """Refuse a binary fraction, which is not what somebody wrote."""
    if isinstance(value, float):
        raise ValueError(f'write it as a text: "{value}"')  # noqa: TRY004 (pydantic tells people of ValueErrors)
    return value


Amount = Annotated[Decimal, BeforeValidator(_decimal), Field(max_digits=20, decimal_places=10, allow_inf_nan=False)]
Rate = Annotated[Decimal, BeforeValidator(_decimal), Field(gt=0, max_digits=20, decimal_places=10, allow_inf_nan=False)]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
MonthText = Annotated[str, Field(pattern="^[0-9]{4}-(0[1-9]|1[0-2])$")]


def _no_control(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise ValueError("must be a name without control characters")
    return text


Name = Annotated[str, Field(max_length=255), AfterValidator(_no_control)]


class SellerPart(OwnPart):
    """Who sells something."""

    seller_id: Name
    product_group: Name | None = None

    def normalise(self) -> Seller:
        """Return the part as the layers above see it."""
        return Seller(id=self.seller_id, product_group=self.product_group)


class FeePart(SellerPart):
    """A fee for each tenant and month."""

    name: Name
    amount: Amount
    currency: Currency
    platforms: tuple[str, ...] = ()
    landing_zones: tuple[str, ...] = ()
    first_month: MonthText | None = None
    last_month: MonthText | None = None

    @model_validator(mode="after")
    def check_months(self) -> Self:
        """Refuse a fee that nobody ever pays."""
        if self.first_month and self.last_month and self.last_month < self.first_month:
            raise ValueError("lastMonth must not come before firstMonth")
        return self

    def fee(self) -> Fee:
        """Return the part as the layers above see it."""
        own = self.model_dump(exclude={"seller_id", "product_group"})
        return Fee(**own, seller=self.normalise())


class ServiceSellerPart(SellerPart):
    """Who sells the services that a pattern fits."""

    service: Name


class PriceListSpec(OwnPart):
    """What a price list says."""

    tenant_fees: tuple[FeePart, ...] = ()
    sellers: tuple[ServiceSellerPart, ...] = ()


class PriceListDocument(Part):
    """A priceList document."""

    api_version: Literal["v1"]
    kind: str
    metadata: Metadata
    spec: PriceListSpec

    def normalise(self) -> Prices:
        """Return the document as the layers above see it."""
        sellers = (ServiceSeller(service=each.service, seller=each.normalise()) for each in self.spec.sellers)
        return Prices(fees=tuple(each.fee() for each in self.spec.tenant_fees), sellers=tuple(sellers))


class RatePart(OwnPart):
    """What one unit of a currency is worth in a month."""

    month: MonthText
    currency: Currency
    rate: Rate


class ExchangeRatesSpec(OwnPart):
    """Into which currency amounts are converted, and how."""

    to: Currency
    rates: tuple[RatePart, ...]

    @model_validator(mode="after")
    def check_once(self) -> Self:
        """Refuse two rates of one currency and month."""
        keys = [(each.month, each.currency) for each in self.rates]
        if twice := sorted({key for key in keys if keys.count(key) > 1}):
            raise ValueError(f"has two rates of {' and '.join(f'{currency} in {month}' for month, currency in twice)}")
        return self


class ExchangeRatesDocument(Part):
    """An exchangeRates document."""

    api_version: Literal["v1"]
    kind: str
    metadata: Metadata
    spec: ExchangeRatesSpec

    def normalise(self) -> Prices:
        """Return the document as the layers above see it."""
        rates = {(each.month, each.currency): each.rate for each in self.spec.rates}
        return Prices(currency=self.spec.to, rates=rates)
