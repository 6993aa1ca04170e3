"""Whatever an organization costs, however AWS cuts its pages, whatever is lost: each line is there once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count, pairwise
from random import Random
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.platform import CredentialAuth, Metering, Platform
from config.prices import Prices
from tasks.aws import Aws
from tasks.metering import reading
from tasks.metering.collection import Collector
from tasks.metering.database import Database
from tasks.metering.ledger import Ledger, State
from tasks.metering.months import Month
from tasks.metering.plan import names, plan
from tasks.metering.reporting import Reporter
from tasks.metering.tables import ownerships
from tasks.metering.upserts import put
from tests.tasks.metering.memory_costs import Charge, MemoryCosts, totals_of
from tests.tasks.steps.world import PLATFORM
from workers.sandbox import organization

MONTH = Month(date(2026, 9, 1))
NOW = datetime(2026, 11, 1, tzinfo=UTC)
METERING = Metering(
    management_role_arn=organization.METERING_ROLE_ARN,
    auth=CredentialAuth(access_key="x", secret_key="x"),
)
NUMBERS = count()
CHANGING = f"{2:012d}"  # the account whose currency changes
ACCOUNTS, SERVICES, USAGE_TYPES = [f"{each:012d}" for each in range(5)], list("ABCDE"), list("uvwxy")

amounts = st.decimals(min_value=-1000, max_value=10_000, places=10, allow_nan=False, allow_infinity=False)
charges = st.builds(
    Charge,
    day=(st.integers(0, 2) | st.integers(0, 29)).map(lambda each: MONTH.first + timedelta(days=each)),
    account=st.sampled_from(ACCOUNTS),
    service=st.sampled_from(SERVICES),
    usage_type=st.sampled_from(USAGE_TYPES),
    amount=amounts,
)
few = st.lists(charges, max_size=12, unique_by=lambda each: (each.day, *_product(each)))


def many(seed: int) -> list[Charge]:
    """Make up a busy organization, of which one day fills several pages."""
    chance = Random(seed)
    found: dict[tuple[Any, ...], Charge] = {}
    days = chance.choice((2, 5, 30))
    for _ in range(chance.randint(40, 120)):
        day = MONTH.first + timedelta(days=chance.randrange(days))
        names = chance.choice(ACCOUNTS), chance.choice(SERVICES), chance.choice(USAGE_TYPES)
        found[day, *names] = Charge(day, *names, Decimal(chance.randint(-(10**12), 10**13)).scaleb(-10))
    return list(found.values())


organizations = few | st.integers(0, 10**6).map(many)


def _product(charge: Charge) -> tuple[str, str, str]:
    return charge.account, charge.service, charge.usage_type


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('properties') / 'costs.sqlite'}")
    yield Ledger(database, timedelta(seconds=15))
    database.close()


def collected(ledger: Ledger, platform: Platform, costs: MemoryCosts) -> None:
    """Collect the month of a platform to its end."""
    begun = ledger.begin(platform.identifier, MONTH, NOW, whole=True, asked_by=None)
    held = ledger.take(begun, "holder", NOW)
    assert held is not None
    collector = Collector(
        platform=platform,
        aws=cast("Aws", SimpleNamespace(cost_explorer=costs)),
        ledger=ledger,
        collection=held,
        holder="holder",
        most_pages=10_000,
        make_reports=lambda done, renew: Reporter(ledger.database, Prices(), done, NOW).make(renew),
        now=lambda: NOW,
    )
    collector.run(NOW + timedelta(days=1))
    assert collector.collection.state is State.DONE
    assert collector.collection.pages == costs.answered


def new_platform() -> Platform:
    """Return a platform that no other example has: all share one database."""
    return PLATFORM.model_copy(update={"identifier": f"aws.p{next(NUMBERS)}", "metering": METERING})


def in_euro(made: list[Charge]) -> list[Charge]:
    """Bill some accounts in another currency, and one in another one from the middle of the month on."""
    middle = MONTH.first + timedelta(days=14)

    def pays_euro(each: Charge) -> bool:
        return int(each.account) % 2 == 1 or (each.account == CHANGING and each.day > middle)

    return [replace(each, currency="EUR") if pays_euro(each) else each for each in made]


@pytest.mark.parametrize("few", [3, pytest.param(25, marks=pytest.mark.thorough)])
def test_every_line_is_there_once_and_all_add_up(ledger: Ledger, few: int) -> None:
    @settings(max_examples=few, suppress_health_check=list(HealthCheck))
    @given(
        made=organizations.map(in_euro),
        page_rows=st.integers(1, 5) | st.integers(1, 60),
        lost=st.integers(0, 10**6).map(lambda seed: frozenset(Random(seed).sample(range(120), seed % 50))),
        chronological=st.booleans(),
        moves=st.lists(st.tuples(st.sampled_from(ACCOUNTS), st.integers(-5, 35)), max_size=6),
        later=organizations.map(in_euro),
    )
    def check_one(
        made: list[Charge],
        page_rows: int,
        lost: frozenset[int],
        chronological: bool,
        moves: list[tuple[str, int]],
        later: list[Charge],
    ) -> None:
        platform = new_platform()
        own(ledger.database, platform, moves)
        for charged in (made, later):  # AWS changes its mind, and the month is collected again
            costs = MemoryCosts(
                lambda day, charged=charged: [each for each in charged if each.day == day],  # type: ignore[misc]
                page_rows,
                lose_token_at=lost,
                chronological=chronological,
            )
            collected(ledger, platform, costs)
            check(ledger.database, platform, charged)

    check_one()


def own(database: Database, platform: Platform, moves: list[tuple[str, int]]) -> None:
    """Give accounts to tenants, each from a day on."""
    owner = {"workspace": "w", "project": "p", "landing_zone": "z", "platform": platform.identifier}
    rows = [
        {**owner, "account": account, "since": MONTH.first.toordinal() + day, "tenant": f"w.p{number}.aws.x"}
        for number, (account, day) in enumerate(moves)
    ]
    with database.writing() as connection:
        put(connection, ownerships, rows)


def check(database: Database, platform: Platform, charged: list[Charge]) -> None:
    """Compare reports with what was charged: by product, and by account."""
    reports = list(reading.stream(database, reading.Wanted(MONTH, platform.identifier)))
    lines: dict[tuple[str, str, str], Decimal] = {}
    sums: dict[tuple[str, str], Decimal] = {}
    days: dict[str, list[Any]] = {}
    for report in reports:
        days.setdefault(report.account_id, []).append((report.first_day, report.last_day))
        for item in report.line_items:
            assert item.kind == "USAGE"
            amount, key = Decimal(item.net_amount.base_amount), (report.account_id, item.net_amount.base_currency)
            sums[key] = sums.get(key, Decimal(0)) + amount
            product = report.account_id, item.product_name, item.usage_type
            lines[product] = lines.get(product, Decimal(0)) + amount
    wanted: dict[tuple[str, str, str], Decimal] = {}
    for charge in charged:
        wanted[_product(charge)] = wanted.get(_product(charge), Decimal(0)) + charge.amount
    assert lines == wanted
    assert sums == totals_of(charged)
    assert all(_follow(each) for each in days.values())


def _follow(days: list[tuple[date, date]]) -> bool:
    """Tell whether the reports of an account do not overlap."""
    return all(last < first for (_, last), (first, _) in pairwise(days))


def test_amounts_of_more_decimals_than_are_kept_add_up_with_a_line_that_says_so(ledger: Ledger) -> None:
    """AWS writes ten decimals at most; if it ever writes more, nothing is lost without a word."""
    made = [
        Charge(MONTH.first, ACCOUNTS[0], "A", usage_type, Decimal("0.33333333333333"), quantity=Decimal("1E-14"))
        for usage_type in "xyz"
    ]
    platform = new_platform()
    collected(ledger, platform, MemoryCosts(lambda day: [each for each in made if each.day == day], 10))
    (report,) = reading.stream(ledger.database, reading.Wanted(MONTH, platform.identifier))
    assert [(item.kind, item.product_name, item.net_amount.amount) for item in report.line_items] == [
        *[("USAGE", "A", "0.3333333333")] * 3,
        ("DIFFERENCE", "Rounding", "0.0000000001"),
    ]
    assert report.totals[0].amount == "1.00"


@given(
    products=st.lists(st.tuples(st.sampled_from(SERVICES), st.sampled_from(USAGE_TYPES)), unique=True),
    accounts=st.frozensets(st.sampled_from(ACCOUNTS), min_size=1),
)
def test_a_plan_asks_for_everything_once_and_every_group_names_one_service(
    products: list[tuple[str, str]], accounts: frozenset[str]
) -> None:
    made = plan([MONTH.first], products, accounts)
    if any(part.account for part in made.parts):
        assert {part.account for part in made.parts} == accounts
        return
    by_usage_type = [names(part, products) for part in made.parts if not part.usage_types]
    by_service = [names(part, products) for part in made.parts if part.usage_types]
    found = [(service, usage) for known in by_usage_type for usage, service in known.items()]
    found += [pair for known in by_service for pair in known.items()]
    assert sorted(found) == sorted(products)
    assert len(made.parts) <= max(1, len({service for service, _ in products}), len({usage for _, usage in products}))


def test_a_usage_type_that_all_services_share_is_one_question_more() -> None:
    services = [f"service {number}" for number in range(60)]
    products = [(each, usage) for each in services for usage in (f"{each} hours", "DataTransfer-Out-Bytes")]
    made = plan([MONTH.first], products, {f"{number:012d}" for number in range(500)})
    assert [part.usage_types for part in made.parts] == [(), ("DataTransfer-Out-Bytes",)]


def test_days_without_costs_between_others_make_no_question_more(ledger: Ledger) -> None:
    days = [MONTH.first + timedelta(days=number) for number in (0, 3, 7, 8, 15, 27)]
    made = [
        Charge(day, account, service, "u" + service, Decimal(1))
        for day in days
        for account in ACCOUNTS
        for service in "AB"
    ]
    costs = MemoryCosts(lambda day: [each for each in made if each.day == day], page_rows=1000)
    collected(ledger, new_platform(), costs)
    assert costs.answered == 3  # totals, products, costs
