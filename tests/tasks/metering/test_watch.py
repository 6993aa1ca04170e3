"""What people are told of costs, once; and what becomes of daily costs as they grow old."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import delete, func, insert, select

from config.prices import Fee, Prices, Seller
from tasks.metering import rounds
from tasks.metering.documents import UnreadableBudget
from tasks.metering.exact import split
from tasks.metering.months import Month
from tasks.metering.owners import note_owners
from tasks.metering.retention import tidy
from tasks.metering.tables import account_days, accounts, collections, costs, live_days, ownerships
from tasks.metering.tables import told as told_table
from tasks.metering.upserts import put
from tasks.metering.views import budget_rows, unreadable_budgets
from tasks.metering.watch import LATE, is_rise, warn
from tasks.notifications.alerts import Alert
from tests.tasks.metering.conftest import CLOSED, OPEN, PLATFORM, TODAY, House, total
from tests.tasks.metering.test_collection import own_totals

SHOP, ACCOUNT = "likvid.shop.aws.sandbox", "700000000001"


def told(house: House) -> dict[str, str]:
    """Return the alerts that wait, kind -> note."""
    alerts = [Alert.model_validate_json(text) for _, text in house.worker.store.outbox.alerts()]
    return {alert.kind.value: alert.note or "" for alert in alerts}


def again(house: House) -> None:
    """Collect the open month as on the next day, without waiting for it."""
    house.collect(OPEN, whole=False)


def test_a_budget_is_told_at_each_threshold_once(house: House) -> None:
    house.own(SHOP, ACCOUNT, project={"tags": {"budget": ["1.00"]}})
    again(house)
    note = told(house)["budget"]
    assert "of the monthly budget of 1.00" in note
    assert "likvid.shop" in note

    house.redis.client.delete(house.worker.store.keys.alerts)
    again(house)
    assert told(house) == {}


def test_a_budget_that_late_costs_use_up_is_told_after_the_end_of_its_month(house: House) -> None:
    house.own(SHOP, ACCOUNT, project={"tags": {"budget": ["1.00"]}})
    house.collect(OPEN.before, whole=False)
    assert f"in {OPEN.before}" in told(house)["budget"]

    house.redis.client.delete(house.worker.store.keys.alerts)
    house.collect(OPEN.before, whole=False)
    assert told(house) == {}


@pytest.mark.thorough
@pytest.mark.parametrize("tables", ["sqlite", "postgresql"])
def test_workers_that_see_a_budget_at_once_tell_it_once(
    tables: str, make_house: Callable[..., House], postgresql: Callable[[], str]
) -> None:
    house = make_house(postgresql() if tables == "postgresql" else None)
    house.own(SHOP, ACCOUNT, project={"tags": {"budget": ["1.00"]}})
    done = house.collect(OPEN, whole=False)
    platform = house.worker.catalog.platforms[PLATFORM]
    for _ in range(5):
        with house.database.writing() as connection:
            connection.execute(delete(told_table))
        with ThreadPoolExecutor(4) as threads:
            raised = [threads.submit(warn, house.worker, house.database, platform, done, house.now()) for _ in range(4)]
        assert sum(each.result() for each in raised) == 1


def test_a_budget_that_is_none_or_not_reached_says_nothing(house: House) -> None:
    for number, budget in enumerate(("plenty", "1000000", "5 CHF"), start=1):
        house.own(f"likvid.p{number}.aws.sandbox", f"70000000000{number}", project={"tags": {"budget": [budget]}})
    again(house)
    assert told(house) == {}


def test_a_text_that_is_no_budget_is_named(house: House) -> None:
    for number, budget in enumerate(("1.000 EUR", "1,000 EUR", "1 000.50"), start=1):
        house.own(f"likvid.p{number}.aws.sandbox", f"70000000000{number}", project={"tags": {"budget": [budget]}})
    note_owners(house.worker, house.database, PLATFORM, house.now())
    with house.database.reading() as connection:
        rows = budget_rows(connection, OPEN, Prices())
        assert [(row.name, row.amount) for row in rows] == [("likvid.p2", "1000.00"), ("likvid.p3", "1000.50")]
        wrong = [UnreadableBudget(of="project", name="likvid.p1", text="1.000 EUR")]
        assert unreadable_budgets(connection) == unreadable_budgets(connection, "likvid") == wrong
        assert unreadable_budgets(connection, "other") == []


def test_costs_in_another_currency_count_by_the_newest_rate(house: House) -> None:
    """The month has no rate yet: its costs stay in dollars, and its fees are in euros."""
    fee = Fee(name="Account", amount=Decimal(25), currency="EUR", seller=Seller(id="team"))
    rates = {(str(CLOSED), "USD"): Decimal("0.9"), (str(OPEN.before), "USD"): Decimal("0.5")}
    prices = Prices(fees=(fee,), currency="EUR", rates=rates)
    house.priced(prices)
    found = {}
    for budget in ("1000 EUR", "1000 USD", "1000 CHF", "1000"):
        house.own(SHOP, ACCOUNT, project={"tags": {"budget": [budget]}})
        again(house)
        with house.database.reading() as connection:
            [row] = budget_rows(connection, OPEN, prices)
            found[budget] = row.used, [each.currency for each in row.beside]

    [report] = house.reports(OPEN, tenant=SHOP)
    spent = {each.currency: Decimal(each.amount) for each in report.totals}
    assert found == {
        "1000 EUR": (f"{25 + spent['USD'] / 2:.2f}", []),
        "1000 USD": (f"{50 + spent['USD']:.2f}", []),
        "1000 CHF": (None, ["EUR", "USD"]),
        "1000": (None, ["EUR", "USD"]),
    }


@pytest.mark.thorough
def test_a_budget_of_a_payment_method_is_for_all_its_months(house: House) -> None:
    house.own(SHOP, ACCOUNT, paymentMethod={"identifier": "main", "amount": "0.5", "tags": {}})
    house.collect()
    again(house)
    note = told(house)["budget"]
    assert "USD of the 0.5 USD of payment method main are used" in note
    spent = sum(
        Decimal(each.totals[0].amount) for month in (CLOSED, OPEN) for each in house.reports(month, tenant=SHOP)
    )
    assert note.startswith(f"{spent:.2f} ")

    house.redis.client.delete(house.worker.store.keys.alerts)
    again(house)
    assert told(house) == {}


def test_a_sudden_rise_of_a_worker_that_collects_is_told(house: House) -> None:
    day = TODAY - timedelta(days=LATE)
    day -= timedelta(days=day.day == 1)  # what is charged once a month comes on the first, and is no rise
    house.simulator.operator(
        "add_cost", day=str(day), account=ACCOUNT, service="AWS Lambda", usage_type="loop", amount="900"
    )
    house.own(SHOP, ACCOUNT)
    house.collect(OPEN.before, whole=True)
    again(house)
    assert f"on {day}, usually about" in told(house)["rise"]


@pytest.mark.thorough
def test_a_tenant_without_costs_is_told_once(house: House) -> None:
    house.own(SHOP, "900000000001")
    for month in (OPEN.before.before, OPEN.before):
        house.collect(month, whole=False)
    again(house)
    assert "has cost nothing for 30 days" in told(house)["idle"]
    house.redis.client.delete(house.worker.store.keys.alerts)
    again(house)
    assert told(house) == {}


def test_costs_that_fall_below_a_threshold_again_are_no_news(house: House) -> None:
    house.own(SHOP, ACCOUNT)
    again(house)
    [spent] = [Decimal(each.totals[0].amount) for each in house.reports(OPEN, tenant=SHOP)]
    house.own(SHOP, ACCOUNT, project={"tags": {"budget": [f"{spent / 2:.2f}"]}})
    again(house)
    assert "(200%)" in told(house)["budget"]

    house.redis.client.delete(house.worker.store.keys.alerts)
    credit = {"day": str(OPEN.first), "account": ACCOUNT, "service": "AWS Lambda", "usage_type": "credit"}
    house.simulator.operator("add_cost", **credit, amount=f"{spent * Decimal('-0.55'):.4f}")
    again(house)
    [left] = [Decimal(each.totals[0].amount) for each in house.reports(OPEN, tenant=SHOP)]
    assert (Decimal("0.8") < left / (spent / 2) < 1, told(house)) == (True, {})


def test_while_aws_tells_nothing_nobody_is_without_costs(house: House) -> None:
    house.own(SHOP, "900000000001")
    house.simulator.operator("set_costs", available=False)
    for month in (OPEN.before.before, OPEN.before):
        house.collect(month, whole=False)
    again(house)
    assert told(house) == {}


# What is seen in days, without AWS.

DECEMBER = Month(date(2026, 12, 1))
Costs = Mapping[date, str]


def looked(
    house: House, today: date, costs: Costs, account: str = ACCOUNT, november_asked: date | None = None
) -> dict[str, str]:
    """Let AWS have told what an account costs on each day until yesterday, then tell people; answers the alerts.

    november_asked  when AWS was asked of November last; None: today
    """
    now = datetime.combine(today, time(12), UTC)
    months = [DECEMBER.before.before, DECEMBER.before, DECEMBER]
    with house.database.writing() as connection:
        connection.execute(delete(account_days))
        connection.execute(delete(collections))
        put(connection, accounts, [{"number": 1, "account": account, "name": ""}])
        made: dict[str, Any] = dict.fromkeys(("part", "pages", "rows_kept", "estimated", "held_until", "whole"), 0)
        made |= {"platform": PLATFORM, "stage": "REPORTS", "plan": "{}", "started_at": now.isoformat()}
        made |= {"ended_at": now.isoformat(), "state": "DONE"}
        rows = [{**made, "id": number, "month": str(month)} for number, month in enumerate(months, start=1)]
        rows[1]["started_at"] = datetime.combine(november_asked or today, time(12), UTC).isoformat()
        connection.execute(insert(collections), rows)
        told_days = [day for month in months for day in month.days() if day < today]
        rows = [
            {"collection": months.index(Month.of(day)) + 1, "day": day.toordinal(), "account": 1, "currency": "USD"}
            | dict(zip(("amount", "amount_tail"), split(Decimal(costs.get(day, "0"))), strict=True))
            for day in told_days
            if day in costs
        ]
        rows += [  # of an account that no tenant has
            {"collection": number, "day": month.first.toordinal(), "account": 2, "currency": "USD", "amount": 1}
            | {"amount_tail": 0}
            for number, month in enumerate(months, start=1)
        ]
        put(connection, account_days, rows)
    done = house.ledger.find(3)
    assert done is not None
    house.redis.client.delete(house.worker.store.keys.alerts)
    note_owners(house.worker, house.database, PLATFORM, now)
    warn(house.worker, house.database, house.worker.catalog.platforms[PLATFORM], done, now)
    return told(house)


def each_day(first: date, last: date, amount: str) -> dict[date, str]:
    return {first + timedelta(days=number): amount for number in range((last - first).days + 1)}


def test_a_rise_is_told_once_as_long_as_it_lasts_and_a_week_after(house: House) -> None:
    house.own(SHOP, ACCOUNT)
    costs = each_day(date(2026, 10, 1), date(2026, 12, 31), "10") | each_day(
        date(2026, 12, 5), date(2026, 12, 15), "200"
    )
    alerts = {day: looked(house, date(2026, 12, day), costs) for day in range(6, 25)}
    assert [day for day, found in alerts.items() if found] == [7]
    assert alerts[7] == {"rise": "200.00 USD on 2026-12-05, usually about 10.00 USD"}

    costs[date(2026, 12, 25)] = "150"
    assert looked(house, date(2026, 12, 27), costs)["rise"].startswith("150.00 USD on 2026-12-25")


def test_a_rise_is_seen_also_when_nothing_was_collected_for_some_days(house: House) -> None:
    house.own(SHOP, ACCOUNT)
    costs = each_day(date(2026, 10, 1), date(2026, 12, 31), "10") | {date(2026, 12, 9): "90"}
    assert "2026-12-09" in looked(house, date(2026, 12, 15), costs)["rise"]


def test_an_account_that_never_cost_anything_and_then_does_is_a_rise(house: House) -> None:
    house.own(SHOP, ACCOUNT)
    assert "usually about 0.00 USD" in looked(house, date(2026, 12, 15), {date(2026, 12, 13): "500"})["rise"]


def test_a_tenant_without_costs_is_told_once_also_when_nobody_knows_for_a_while(house: House) -> None:
    house.own(SHOP, ACCOUNT)
    today = date(2026, 12, 1)
    assert "idle" in looked(house, today, {})
    assert looked(house, today + timedelta(days=1), {}, november_asked=today - timedelta(days=3)) == {}
    assert looked(house, today + timedelta(days=2), {}) == {}


def test_a_tenant_that_pays_in_another_way_is_no_new_one(house: House) -> None:
    with house.database.writing() as connection:
        owner = {"platform": PLATFORM, "tenant": SHOP, "workspace": "likvid", "project": "shop"}
        changes = ((date(2026, 10, 1), "old"), (date(2026, 12, 10), "new"))
        rows = [owner | {"since": since.toordinal(), "payment_method": method} for since, method in changes]
        places = ("900000000001", ACCOUNT)
        landed = [row | {"account": account, "landing_zone": "development"} for row in rows for account in places]
        connection.execute(insert(ownerships), landed)
    costs = each_day(date(2026, 10, 1), date(2026, 12, 31), "10") | {date(2026, 12, 12): "300"}
    assert looked(house, date(2026, 12, 15), costs).keys() == {"rise", "idle"}


def test_a_new_account_is_no_rise(house: House) -> None:
    house.own(SHOP, ACCOUNT, created=date(2026, 12, 9))
    assert looked(house, date(2026, 12, 15), each_day(date(2026, 12, 10), date(2026, 12, 31), "500")) == {}


def test_what_credits_pay_for_is_no_account_without_costs(house: House) -> None:
    house.own(SHOP, ACCOUNT)
    paid = {date(2026, 12, 5): "7", date(2026, 12, 6): "-7"}
    assert looked(house, date(2026, 12, 20), paid) == {}
    assert "idle" in looked(house, date(2026, 12, 20), {date(2026, 12, 5): "0.004", date(2026, 12, 6): "0.005"})


def test_what_is_usual_decides_what_is_a_rise() -> None:
    steady, nervous = [Decimal(100)] * 20, [Decimal(each) for each in (60, 140) * 10]
    assert is_rise(steady, Decimal(160))
    assert not is_rise(steady, Decimal(140))
    assert not is_rise(nervous, Decimal(160))
    assert is_rise(nervous, Decimal(500))
    assert not is_rise([Decimal(0)] * 20, Decimal(9))
    assert not is_rise(steady[:3], Decimal(10_000))


def rows(house: House) -> tuple[int, int, int]:
    """Count daily costs, days that can be shown, and days' totals."""
    with house.database.reading() as connection:
        counts = (select(func.count()).select_from(table) for table in (costs, live_days, account_days))
        first, second, third = (connection.execute(query).scalar_one() for query in counts)
    return first, second, third


@pytest.mark.parametrize("tables", ["sqlite", pytest.param("postgresql", marks=pytest.mark.thorough)])
def test_old_days_are_put_together_then_deleted_and_reports_stay(
    make_house: Callable[..., House], postgresql: Callable[[], str], tables: str
) -> None:
    house = make_house(postgresql() if tables == "postgresql" else None)
    house.collect()
    before, reports = rows(house), house.reports()
    platform = house.worker.catalog.platforms[PLATFORM]
    assert platform.metering is not None
    kept = {"compact_timelines_after_days": 30, "delete_raw_data_after_days": 65}
    platform = platform.model_copy(update={"metering": platform.metering.model_copy(update=kept)})

    tidy(house.database, platform, house.now() + CLOSED_AGO(29))
    assert rows(house) == before
    for _ in range(2):
        tidy(house.database, platform, house.now() + CLOSED_AGO(30))
        assert rows(house)[0] < before[0] / 20
        assert rows(house)[1:] == (1, 12)
    house.collect()
    assert total(house.reports()) == own_totals(house)
    assert house.reports() == reports
    assert rows(house) == before

    tidy(house.database, platform, house.now() + CLOSED_AGO(65))
    assert rows(house) == (0, 0, 0)
    assert house.reports() == reports


def CLOSED_AGO(days: int) -> timedelta:  # noqa: N802 (reads as a constant)
    """Return how far from now the day is on which the closed month ended so many days ago."""
    return CLOSED.end + timedelta(days=days) - TODAY


def test_what_is_due(house: House) -> None:
    ledger, day = house.ledger, timedelta(days=1)
    interval = house.worker.settings.metering_interval
    assert list(rounds.due(ledger, PLATFORM, interval, house.now())) == [OPEN.before, OPEN]
    house.collect(OPEN, whole=False)
    assert list(rounds.due(ledger, PLATFORM, interval, house.now())) == []
    tomorrow = house.now() + day
    month = Month.of(tomorrow.date())  # the next one, on the last day of a month
    assert list(rounds.due(ledger, PLATFORM, interval, tomorrow)) == [month.before, month]
    later = house.now().replace(day=1) + timedelta(days=40)  # the open month is the one before by then
    assert OPEN in list(rounds.due(ledger, PLATFORM, interval, later))


@pytest.mark.parametrize(("pages", "again"), [(0, True), (2, False)])
def test_a_month_that_failed_for_nothing_is_collected_again_within_hours(house: House, pages: int, again: bool) -> None:
    house.begin(OPEN, whole=False)
    refused = {"service": "ce", "operation": "GetCostAndUsage", "code": "AccessDeniedException", "status": 400}
    house.simulator.inject(**refused, skip=pages)
    rounds.collect(house.worker, house.now)

    interval = house.worker.settings.metering_interval
    soon, later = (house.now() + timedelta(minutes=minutes) for minutes in (50, 70))
    assert OPEN not in list(rounds.due(house.ledger, PLATFORM, interval, soon))
    assert (OPEN in list(rounds.due(house.ledger, PLATFORM, interval, later))) is again


@pytest.mark.thorough
def test_a_month_is_finished_however_long_nobody_collected(house: House) -> None:
    house.collect(OPEN, whole=False)
    interval = house.worker.settings.metering_interval
    after_a_quarter = house.now().replace(day=1) + timedelta(days=100)
    assert OPEN in list(rounds.due(house.ledger, PLATFORM, interval, after_a_quarter))
    too_late = house.now().replace(day=1) + timedelta(days=500)  # AWS does not tell of it any more
    assert OPEN not in list(rounds.due(house.ledger, PLATFORM, interval, too_late))

    house.collect(CLOSED)  # this one was read after AWS had closed it
    assert CLOSED not in list(rounds.due(house.ledger, PLATFORM, interval, after_a_quarter))
