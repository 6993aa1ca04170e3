"""The made-up costs of the simulated organization: every account has some, on every day until today.

Nothing is stored: what a line costs on a day follows from the seed, the account, the product and the day. So the same
question has the same answer, and an organization of any size costs no memory. An operator changes what is made up:

    set_costs   any field of `Costs`; `accounts` adds accounts that Organizations does not know (they have left);
                forget: without what add_cost added
    add_cost    day, account, service, usage_type, amount (a text); optionally record_type, unit, quantity, day_shown,
                currency

Source: AWS Cost Management user guide, "Understanding your costs"; amounts have ten decimals, as AWS's have.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workers.sandbox.aws.world import World

TAIL = 10**10  # amounts are whole numbers of this part of a unit of currency
FIRST_SPARE_ACCOUNT = 700_000_000_000
SHARED = "EUC1-DataTransfer-Out-Bytes"  # a usage type that several services have, as in AWS
SERVICES = (
    ("Amazon Elastic Compute Cloud - Compute", "EUC1-BoxUsage:t3.large", "Hrs"),
    ("Amazon Simple Storage Service", "EUC1-TimedStorage-ByteHrs", "GB-Mo"),
    ("Amazon Relational Database Service", "EUC1-InstanceUsage:db.t4g.medium", "Hrs"),
    ("AWS Lambda", "EUC1-Lambda-GB-Second", "Second"),
    ("AmazonCloudWatch", "EUC1-CW:Requests", "Requests"),
    ("AWS Key Management Service", "eu-central-1-KMS-Requests", "Requests"),
    ("Amazon DynamoDB", "EUC1-TimedStorage-ByteHrs", "GB-Mo"),
    ("AWS Config", "EUC1-ConfigurationItemRecorded", "ConfigurationItemRecorded"),
)


@dataclass(frozen=True)
class Line:
    """What one product costs one account on one day."""

    day: date
    account: str
    service: str
    usage_type: str
    amount: int  # of TAIL
    currency: str
    quantity: int = TAIL  # of TAIL
    unit: str = "N/A"
    record_type: str = "Usage"
    day_shown: date | None = None  # the day that AWS names; None: the same


@dataclass(frozen=True)
class Commitment:
    """A reserved instance or savings plan that an account has bought."""

    id: str
    account: str
    first: date
    end: date  # exclusive
    upfront: int  # of TAIL
    service: str = "Amazon Elastic Compute Cloud - Compute"  # of a reserved instance

    def amortized(self, start: date, end: date) -> int:
        """Return the part of the upfront fee that falls into a time, to the end of the fee without a remainder."""

        def until(day: date) -> int:
            days = (min(max(day, self.first), self.end) - self.first).days
            return self.upfront * days // (self.end - self.first).days

        return until(end) - until(start)


@dataclass(frozen=True)
class Costs:
    """What is made up."""

    seed: int = 1
    accounts: int = 0  # that Organizations does not know
    services: int = len(SERVICES)
    usage_types: int = 2  # of each service, beside the one that several share
    lines: int = 12  # that an account has on a day
    second_currency: str | None = None  # of every fifth account
    tax: bool = True
    credits: bool = True
    refunds: bool = True
    reserved_instances: tuple[Commitment, ...] = ()
    savings_plans: tuple[Commitment, ...] = ()
    available: bool = True  # False: Cost Explorer has just been enabled
    own: tuple[Line, ...] = ()


@dataclass
class CostBook:
    """What is made up by now, and what was paid for asking."""

    costs: Costs = field(default_factory=Costs)
    pages: int = 0  # answered, at $0.01 each; a refusal costs nothing
    bill: int = 0  # how often it was made anew: tokens of an older one have expired

    def currency_of(self, account: str) -> str:
        """Return the currency in which an account is billed."""
        second = self.costs.second_currency
        return second if second is not None and int(account) % 5 == 0 else "USD"

    def accounts(self, world: World) -> list[str]:
        """List who has costs."""
        spare = [str(FIRST_SPARE_ACCOUNT + number) for number in range(self.costs.accounts)]
        return [*(account.id for account in world.accounts), *spare]

    def lines(self, accounts: list[str], start: date, end: date) -> Iterator[Line]:
        """Yield what accounts cost from a day until before another one."""
        for account in accounts:
            yield from self._made_up(account, start, end)
        known = set(accounts)
        yield from (line for line in self.costs.own if start <= line.day < end and line.account in known)

    def _made_up(self, account: str, start: date, end: date) -> Iterator[Line]:
        costs, currency = self.costs, self.currency_of(account)
        products = _products(costs.seed, account, costs.services, costs.usage_types, costs.lines)
        for number in range((end - start).days):
            day = start + timedelta(days=number)
            swing = 900 + (day.toordinal() * 37 + int(account)) % 200  # a thousandth of the usual costs
            for service, usage_type, unit, usual in products:
                amount = usual * swing // 1000
                yield Line(day, account, service, usage_type, amount, currency, amount * 9 + 7, unit)
            if day.day == 1:
                yield from self._monthly(account, day, currency, products)

    def _monthly(self, account: str, day: date, currency: str, products: tuple[Any, ...]) -> Iterator[Line]:
        costs, base = self.costs, sum(usual for *_, usual in products)
        if costs.tax:
            yield Line(day, account, "Tax", "NoUsageType", base * 57 // 10, currency, 0, "N/A", "Tax")
        if costs.credits and products and int(account) % 3 == 0:
            service, usage_type, unit, usual = products[0]
            yield Line(day, account, service, usage_type, -usual * 2, currency, 0, unit, "Credit")
        if costs.refunds and products and int(account) % 4 == 0:
            service, usage_type, unit, usual = products[-1]
            yield Line(day, account, service, usage_type, -usual // 3, currency, 0, unit, "Refund")


@lru_cache(maxsize=20_000)
def _products(seed: int, account: str, services: int, usage_types: int, lines: int) -> tuple[Any, ...]:
    """Choose what an account uses: service, usage type, unit, and what it usually costs on a day."""
    every = [product for number in range(services) for product in _of_service(number, usage_types)]
    first = _number(seed, account, "first") % len(every)
    chosen = {every[(first + 7 * number) % len(every)]: None for number in range(min(lines, len(every)))}
    return tuple(
        (service, usage_type, unit, 1 + _number(seed, account, service, usage_type) % (4 * TAIL))
        for service, usage_type, unit in chosen
    )


@lru_cache(maxsize=1000)
def _of_service(number: int, usage_types: int) -> tuple[tuple[str, str, str], ...]:
    name, first, unit = SERVICES[number % len(SERVICES)]
    round_ = number // len(SERVICES)
    if round_:
        name, first = f"{name} {round_ + 1}", f"{first}-{round_ + 1}"
    own = [(name, first if each == 0 else f"{first}.{number}.{each}", unit) for each in range(usage_types)]
    return (*own, (name, SHARED, "GB")) if number < 4 else tuple(own)


def _number(*parts: object) -> int:
    return int.from_bytes(blake2b("|".join(map(str, parts)).encode(), digest_size=6).digest(), "big")


def written(amount: int) -> str:
    """Write an amount as AWS does.

    >>> written(-15_000_000_001)
    '-1.5000000001'
    """
    whole, tail = divmod(abs(amount), TAIL)
    return f"{'-' if amount < 0 else ''}{whole}.{tail:010d}".rstrip("0").rstrip(".")


def read(text: str) -> int:
    """Read an amount of at most ten decimals."""
    whole, _, tail = text.removeprefix("-").partition(".")
    return (int(whole or 0) * TAIL + int(tail.ljust(10, "0")[:10])) * (-1 if text.startswith("-") else 1)


def today(world: World) -> date:
    """Return the day by the simulator's clock."""
    return datetime.fromtimestamp(world.now(), UTC).date()


def set_costs(world: World, body: Mapping[str, Any]) -> dict[str, Any]:
    """Operator action: change what is made up. Body: fields of `Costs`."""
    book = world.state(CostBook)
    known = {each.name for each in fields(Costs)} - {"own"}
    changes = {name: value for name, value in body.items() if name in known}
    for name in {"reserved_instances", "savings_plans"} & changes.keys():
        changes[name] = tuple(_commitment(each) for each in changes[name])
    book.costs, book.bill = replace(book.costs, **changes), book.bill + 1
    if body.get("forget"):
        book.costs = replace(book.costs, own=())
    return {"accounts": len(book.accounts(world))}


def add_cost(world: World, body: Mapping[str, Any]) -> dict[str, Any]:
    """Operator action: let an account have a cost of its own on a day."""
    book, shown = world.state(CostBook), body.get("day_shown")
    line = Line(
        date.fromisoformat(body["day"]),
        body["account"],
        body["service"],
        body["usage_type"],
        read(body["amount"]),
        body.get("currency") or book.currency_of(body["account"]),
        read(body.get("quantity", "1")),
        body.get("unit", "N/A"),
        body.get("record_type", "Usage"),
        date.fromisoformat(shown) if shown else None,
    )
    book.costs, book.bill = replace(book.costs, own=(*book.costs.own, line)), book.bill + 1
    return {"lines": len(book.costs.own)}


def _commitment(given: Mapping[str, Any]) -> Commitment:
    first, end = date.fromisoformat(given["first"]), date.fromisoformat(given["end"])
    made = Commitment(given["id"], given["account"], first, end, read(given["upfront"]))
    return replace(made, service=given.get("service", made.service))


def snapshot(world: World) -> dict[str, Any]:
    """Show what was asked and paid."""
    pages = world.state(CostBook).pages
    return {"pages": pages, "dollars": f"{pages / 100:.2f}"}
