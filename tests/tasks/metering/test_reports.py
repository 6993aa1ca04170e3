"""Reports: whose costs they are, what is shared out, what the price list adds, in which currency."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import insert, select

from config.prices import AWS, Fee, Prices, Seller, ServiceSeller
from tasks.metering import rounds
from tasks.metering.export import as_csv, as_json
from tasks.metering.lines import Bought, chargeback, fees
from tasks.metering.months import Month
from tasks.metering.owners import Owner, Segment, current_owners, histories, note_owners, segments
from tasks.metering.reading import Wanted, statements, stream
from tasks.metering.restoring import NoExport, read, restore
from tasks.metering.tables import ownerships
from tests.tasks.metering.conftest import CLOSED, PLATFORM, House, total
from tests.tasks.metering.test_collection import own_totals

SHOP, ACCOUNT = "likvid.shop.aws.sandbox", "700000000001"
OCTOBER = Month(date(2026, 10, 1))
OWNER = Owner(SHOP, "likvid", "shop", "main", "development")
RUN = Fee(name="Running", amount=Decimal("31.00"), currency="EUR", seller=Seller(id="platform-team"))


def lines(house: House, account: str, kind: str) -> list[dict[str, Any]]:
    """Return an account's lines of a kind, as documents."""
    found = [item for report in house.reports(account=account) for item in report.line_items if item.kind == kind]
    return [item.model_dump(by_alias=True) for item in found]


def test_a_tenant_has_its_report_and_every_other_account_one_too(house: House) -> None:
    house.own(SHOP, ACCOUNT, paymentMethod={"identifier": "main", "tags": {}})
    house.collect()
    by_account = {report.account_id: report for report in house.reports()}

    mine = by_account[ACCOUNT]
    assert (mine.tenant, mine.workspace, mine.project, mine.payment_method) == (SHOP, "likvid", "shop", "main")
    assert by_account["111111111111"].tenant is None
    assert len(by_account) == 12
    assert by_account["111111111111"].account_name == "Management"


def test_a_tenant_that_moved_to_another_payment_method_pays_with_both(house: House) -> None:
    moved = CLOSED.first + timedelta(days=14)
    house.own(SHOP, ACCOUNT, paymentMethod="old")
    house.collect()
    _since(house, moved, payment_method="new")
    house.simulator.operator(  # so that something has changed
        "add_cost", day=str(moved), account=ACCOUNT, service="AWS Lambda", usage_type="x", amount="3"
    )
    house.collect()

    old, new = house.reports(account=ACCOUNT)
    assert [(each.payment_method, each.first_day, each.last_day) for each in (old, new)] == [
        ("old", CLOSED.first, moved - timedelta(days=1)),
        ("new", moved, CLOSED.end - timedelta(days=1)),
    ]
    assert total([old, new]) == {key: amount for key, amount in own_totals(house).items() if key[0] == ACCOUNT}
    assert Decimal(old.totals[0].amount) > 0 < Decimal(new.totals[0].amount)
    charged = {each.payment_method: each for each in statements(house.database, Wanted(CLOSED, workspace="likvid"))}
    assert charged.keys() == {"old", "new"}


def _since(house: House, day: date, **changes: Any) -> None:
    """Let the account's owner pay in another way from a day on."""
    with house.database.writing() as connection:
        query = select(ownerships).where(ownerships.c.account == ACCOUNT)
        row = dict(connection.execute(query).one()._mapping)
        connection.execute(insert(ownerships), [{**row, "since": day.toordinal(), **changes}])


def test_a_change_of_an_order_counts_from_the_day_on_which_it_is_noted(house: House) -> None:
    for method in ("old", "new"):
        house.own(SHOP, ACCOUNT, paymentMethod=method)
        note_owners(house.worker, house.database, PLATFORM, house.now())
        house.ahead += timedelta(days=1)
    with house.database.reading() as connection:
        ((account, (*_, (since, owner))),) = histories(connection, PLATFORM).items()
    assert (account, since, owner.payment_method) == (ACCOUNT, (house.now() - timedelta(days=1)).date(), "new")


def test_fees_are_those_of_the_days_and_never_of_nobodys_accounts(house: House) -> None:
    house.priced(Prices(fees=(RUN,)))
    house.own(SHOP, ACCOUNT, deleted=f"{CLOSED.first + timedelta(days=15)}T12:00:00+00:00")
    house.collect()

    (fee,) = lines(house, ACCOUNT, "FEE")
    expected = (RUN.amount * 15 / CLOSED.length).quantize(Decimal("0.01"))
    assert Decimal(fee["netAmount"]["amount"]) == expected
    assert fee["sellerId"] == "platform-team"
    assert lines(house, "700000000002", "FEE") == []
    assert total(house.reports(), "USAGE", "DIFFERENCE") == own_totals(house)


def test_a_tenant_without_any_cost_pays_its_fee(house: House) -> None:
    house.priced(Prices(fees=(RUN,)))
    house.own("likvid.quiet.aws.sandbox", "900000000001")
    house.collect()
    assert [item["netAmount"]["amount"] for item in lines(house, "900000000001", "FEE")] == ["31.00"]


def test_commitments_are_paid_upfront_and_given_back_as_they_are_used(house: House) -> None:
    end = CLOSED.first.replace(year=CLOSED.first.year + 1)
    bought = {"account": ACCOUNT, "end": str(end), "upfront": "365"}
    house.simulator.operator(
        "set_costs",
        reserved_instances=[{"id": "ri-new", "first": str(CLOSED.first), **bought}],
        savings_plans=[{"id": "sp-old", "first": str(CLOSED.first - timedelta(days=100)), **bought}],
    )
    house.collect()

    (upfront,) = lines(house, ACCOUNT, "UPFRONT_FEE")
    discounts = {
        each["usageType"]: Decimal(each["netAmount"]["amount"]) for each in lines(house, ACCOUNT, "COMMITMENT_DISCOUNT")
    }
    assert (upfront["productName"], upfront["usageType"]) == ("Reserved instance", "ri-new")
    assert upfront["netAmount"]["amount"] == "365.00"
    assert discounts["ri-new"] == -CLOSED.length
    assert discounts["sp-old"] < 0
    assert total(house.reports(), "USAGE", "DIFFERENCE") == own_totals(house)


def test_reserved_instances_of_every_service_are_given_back_and_many_savings_plans_are_one_page(house: House) -> None:
    bought = {"account": ACCOUNT, "first": str(CLOSED.first), "end": str(CLOSED.end), "upfront": "10"}
    database, search = "Amazon Relational Database Service", "Amazon OpenSearch Service"
    line = {"service": search, "usage_type": "nodes", "amount": "1.5"}
    house.simulator.operator("add_cost", day=str(CLOSED.first), account=ACCOUNT, **line)
    calm = house.collect()
    house.simulator.operator(
        "set_costs",
        reserved_instances=[
            {"id": "compute", **bought},
            {"id": "database", **bought, "service": database},
            {"id": "search", **bought, "service": "Amazon Elasticsearch Service"},  # as AWS calls it there
        ],
        savings_plans=[{"id": f"plan-{number:02d}", **bought} for number in range(50)],
    )
    done = house.collect()
    paid = {each["usageType"] for each in lines(house, ACCOUNT, "COMMITMENT_DISCOUNT")}
    assert paid == {"compute", "database", "search", *(f"plan-{number:02d}" for number in range(50))}
    assert done.pages == calm.pages + 4


@pytest.mark.parametrize("flag", ["reserved_instance_fair_chargeback", "savings_plan_fair_chargeback"])
def test_fair_chargeback_is_asked_for_by_the_platform(house: House, flag: str) -> None:
    bought = {"account": ACCOUNT, "first": str(CLOSED.first), "end": str(CLOSED.end), "upfront": "10"}
    house.simulator.operator(
        "set_costs", reserved_instances=[{"id": "a", **bought}], savings_plans=[{"id": "b", **bought}]
    )
    house.change(**{flag: False})
    house.collect()
    assert len(lines(house, ACCOUNT, "UPFRONT_FEE")) == 1


def test_amounts_are_converted_by_the_rate_of_the_month(house: House) -> None:
    seller = ServiceSeller(service="AWS*", seller=Seller(id="reseller", product_group="Cloud"))
    rates = {(str(CLOSED), "USD"): Decimal("0.9")}
    house.priced(Prices(currency="EUR", rates=rates, sellers=(seller,)))
    house.collect()

    nets = [item.net_amount for report in house.reports() for item in report.line_items]
    assert {net.currency for net in nets} == {"EUR"}
    assert {(net.base_currency, net.exchange_rate) for net in nets} == {("USD", "0.9"), ("EUR", None)}
    for net in nets:
        factor = Decimal("0.9") if net.exchange_rate else Decimal(1)
        assert abs(Decimal(net.amount) - Decimal(net.base_amount) * factor) <= Decimal("5E-11")
    sellers = {item.product_name: item.seller_id for report in house.reports() for item in report.line_items}
    assert (sellers["AWS Lambda"], sellers["AmazonCloudWatch"]) == ("reseller", AWS.id)


def test_a_rate_that_is_missing_is_said_and_a_later_one_counts(house: House) -> None:
    house.priced(Prices(currency="EUR"))
    assert house.collect().note == f"no exchange rate of {CLOSED} for USD: not converted"

    house.priced(Prices(currency="EUR", rates={(str(CLOSED), "USD"): Decimal("0.9")}))
    assert house.collect().note is None
    assert {item.net_amount.currency for report in house.reports() for item in report.line_items} == {"EUR"}


def test_what_costs_nothing_and_has_no_currency_has_that_of_its_account(house: House) -> None:
    free = {"service": "AWS Lambda", "usage_type": "free", "amount": "0", "currency": "N/A"}
    house.simulator.operator("add_cost", day=str(CLOSED.first), account=ACCOUNT, **free)
    house.collect()
    (line,) = (each for each in lines(house, ACCOUNT, "USAGE") if each["usageType"] == "free")
    assert (line["netAmount"]["currency"], line["netAmount"]["amount"]) == ("USD", "0.00")
    assert [each.currency for report in house.reports(account=ACCOUNT) for each in report.totals] == ["USD"]


def test_a_statement_is_in_whole_cents_and_says_what_was_rounded(house: House) -> None:
    house.own(SHOP, ACCOUNT, paymentMethod="main")
    house.own("likvid.data.aws.sandbox", "700000000002", paymentMethod="main")
    house.collect()
    found = statements(house.database, Wanted(CLOSED))

    for each in found:
        exact = sum((Decimal(line.amount) for line in each.lines), Decimal(0))
        assert Decimal(each.amount) == exact + Decimal(each.rounding) == round(Decimal(each.amount), 2)
        assert abs(Decimal(each.rounding)) <= Decimal("0.005")
        assert each.final
    owners = {(each.workspace, each.project) for each in found}
    assert owners == {(None, None), ("likvid", "shop"), ("likvid", "data")}


def test_what_aws_does_not_itemise_is_a_line_of_its_own(house: House) -> None:
    """AWS's total is read before a cost comes, and the lines after it."""
    house.simulator.inject(service="ce", operation="GetCostAndUsage", kind="reset", skip=3)
    begun = house.begin()
    rounds.collect(house.worker, house.now)
    day = str(CLOSED.first)
    house.simulator.operator("add_cost", day=day, account=ACCOUNT, service="AWS Lambda", usage_type="x", amount="3.21")
    house.simulator.operator(
        "add_cost", day=day, account="700000000077", service="AWS Lambda", usage_type="x", amount="0.0000000001"
    )
    rounds.collect(house.worker, house.now)
    done = house.ledger.find(begun.id)
    assert done is not None
    assert done.state == "DONE"

    (difference,) = lines(house, ACCOUNT, "DIFFERENCE")
    assert difference["productName"] == "Not itemised by AWS"
    assert difference["netAmount"]["amount"] == "-3.21"


def test_an_export_can_be_put_back(make_house: Callable[..., House]) -> None:
    house, other = make_house(), make_house()
    house.own(SHOP, ACCOUNT)
    house.collect()
    text = "".join(as_json(stream(house.database, Wanted(CLOSED))))
    assert len(json.loads(text)) == 12

    assert restore(other.database, read(text.splitlines())) == (12, 0)
    assert restore(other.database, read(text.splitlines())) == (0, 12)

    for write in (as_csv, as_json):
        exports = ["".join(write(stream(each.database, Wanted(CLOSED)))) for each in (house, other)]
        assert exports[0] == exports[1]
    with pytest.raises(NoExport, match="line 2"):
        list(read(["[", "{}"]))


@pytest.mark.parametrize(
    "wrong",
    [
        {"month": "2026-13"},
        {"status": "CLOSED"},
        {"firstDay": "2026-11-01"},
        {"firstDay": "2026-10-09", "lastDay": "2026-10-08"},
        {"part": -1},
        {"version": 2**40},
    ],
    ids=str,
)
def test_what_no_report_of_ours_has_is_not_restored(wrong: dict[str, Any]) -> None:
    good = {"platform": PLATFORM, "month": "2026-10", "accountId": ACCOUNT, "accountName": "shop", "part": 0}
    good |= {"firstDay": "2026-10-01", "lastDay": "2026-10-31", "version": 1, "status": "OPEN"}
    good |= {"changedAt": "2026-11-01T00:00:00Z", "totals": [], "lineItems": []}
    assert len(list(read(["[", json.dumps(good), "]"]))) == 1
    with pytest.raises(NoExport, match="line 2"):
        list(read(["[", json.dumps(good | wrong), "]"]))


@pytest.mark.parametrize(
    "amount",
    ["NaN", *(pytest.param(each, marks=pytest.mark.thorough) for each in ("Infinity", "1e30", "1e400", "plenty"))],
)
def test_what_is_no_amount_is_not_restored(house: House, amount: str) -> None:
    house.collect()
    report = house.reports(account=ACCOUNT)[0]
    item = report.line_items[0]
    wrong = item.model_copy(update={"net_amount": item.net_amount.model_copy(update={"amount": amount})})
    with pytest.raises(NoExport, match=amount):
        restore(house.database, [report.model_copy(update={"month": "2026-01", "line_items": [wrong]})])
    assert list(stream(house.database, Wanted(Month.parse("2026-01")))) == []


@pytest.mark.thorough
def test_what_was_restored_and_is_collected_again_is_the_same(make_house: Callable[..., House]) -> None:
    """The database was lost: who paid in which days of the month is known from the export alone."""
    house, other = make_house(), make_house()
    house.own(SHOP, ACCOUNT, paymentMethod="old")
    house.collect()
    _since(house, CLOSED.first + timedelta(days=14), payment_method="new")
    house.collect()
    text = "".join(as_json(stream(house.database, Wanted(CLOSED))))
    house.own(SHOP, ACCOUNT, paymentMethod="newest")
    note_owners(other.worker, other.database, PLATFORM, other.now())  # a worker was quicker than the operator

    restore(other.database, read(text.splitlines()))
    other.collect()

    assert "".join(as_json(stream(other.database, Wanted(CLOSED)))) == text
    with other.database.reading() as connection:
        ((_, _, owner),) = current_owners(connection, PLATFORM)
    assert owner.payment_method == "newest"


# Decisions alone, without a database.


def segment(first: int, end: int, owner: Owner | None = OWNER) -> Segment:
    start = OCTOBER.first - timedelta(days=1)
    return Segment(start + timedelta(days=first), start + timedelta(days=end), owner)


def test_a_month_is_split_where_the_owner_changes() -> None:
    later = Owner(SHOP, "likvid", "shop", "other", "development")
    found = segments([(date(2026, 9, 3), OWNER), (date(2026, 10, 16), later), (date(2026, 11, 2), OWNER)], OCTOBER)
    assert found == [segment(1, 16), segment(16, 32, later)]
    assert segments([(date(2026, 10, 16), OWNER)], OCTOBER) == [segment(1, 16, None), segment(16, 32)]
    assert segments([(date(2026, 11, 1), OWNER)], OCTOBER) == [segment(1, 32, None)]


def test_the_fees_of_all_days_are_one_fee() -> None:
    prices = Prices(fees=(Fee(name="x", amount=Decimal("10.00"), currency="EUR", seller=AWS),))
    for cut in range(2, 32):
        parts = [
            line.base_amount for each in (segment(1, cut), segment(cut, 32)) for line in fees(prices, OCTOBER, each)
        ]
        assert sum(parts) == Decimal("10.00")


@pytest.mark.parametrize(
    ("limits", "paid"),
    [
        ({}, True),
        ({"platforms": ("aws.other",)}, False),
        ({"landing_zones": ("development",)}, True),
        ({"landing_zones": ("production",)}, False),
        ({"first_month": "2026-11"}, False),
        ({"last_month": "2026-09"}, False),
        ({"first_month": "2026-10", "last_month": "2026-10"}, True),
    ],
)
def test_who_pays_a_fee(limits: dict[str, Any], paid: bool) -> None:
    found = list(fees(Prices(fees=(RUN.model_copy(update=limits),)), OCTOBER, segment(1, 32)))
    assert bool(found) is paid


def test_what_was_amortised_is_split_by_days() -> None:
    bought = [Bought("SAVINGS_PLANS", "sp", date(2026, 10, 11), date(2027, 10, 11), Decimal(100), Decimal(21))]
    shares = [
        line.base_amount
        for each in (segment(1, 5), segment(5, 21), segment(21, 32))
        for line in chargeback(bought, OCTOBER, each, "USD")
        if line.kind == "COMMITMENT_DISCOUNT"
    ]
    assert shares == [Decimal(-10), Decimal(-11)]
