"""What people are told of costs, once; and what becomes of daily costs as they grow old."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from tasks.metering import rounds
from tasks.metering.months import Month
from tasks.metering.retention import tidy
from tasks.metering.tables import account_days, costs, live_days
from tasks.metering.watch import LATE, is_rise
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


def test_a_budget_that_is_none_or_not_reached_says_nothing(house: House) -> None:
    for number, budget in enumerate(("plenty", "1000000", "5 CHF"), start=1):
        house.own(f"likvid.p{number}.aws.sandbox", f"70000000000{number}", project={"tags": {"budget": [budget]}})
    again(house)
    assert told(house) == {}


def test_a_sudden_rise_is_told_once_for_a_week(house: House) -> None:
    day = TODAY - timedelta(days=LATE)
    if day.day == 1:  # what is charged once a month comes then, and no rise is told
        return
    house.simulator.operator(
        "add_cost", day=str(day), account=ACCOUNT, service="AWS Lambda", usage_type="loop", amount="900"
    )
    house.own(SHOP, ACCOUNT)
    if Month.of(day) != OPEN or day.day < 10:
        house.collect(OPEN.before, whole=True)
    again(house)
    assert f"on {day}, usually about" in told(house)["rise"]

    house.redis.client.delete(house.worker.store.keys.alerts)
    again(house)
    assert told(house) == {}


def test_a_tenant_without_costs_is_told_once(house: House) -> None:
    house.own(SHOP, "900000000001")
    again(house)
    assert "has cost nothing for 30 days" in told(house)["idle"]
    house.redis.client.delete(house.worker.store.keys.alerts)
    again(house)
    assert told(house) == {}


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


@pytest.mark.parametrize("tables", ["sqlite", "postgresql"])
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
    assert list(rounds.due(ledger, PLATFORM, interval, house.now() + day)) == [OPEN.before, OPEN]
    later = house.now().replace(day=1) + timedelta(days=40)  # the open month is the one before by then
    assert OPEN in list(rounds.due(ledger, PLATFORM, interval, later))


def test_a_month_is_finished_however_long_nobody_collected(house: House) -> None:
    house.collect(OPEN, whole=False)
    interval = house.worker.settings.metering_interval
    after_a_quarter = house.now().replace(day=1) + timedelta(days=100)
    assert OPEN in list(rounds.due(house.ledger, PLATFORM, interval, after_a_quarter))
    too_late = house.now().replace(day=1) + timedelta(days=500)  # AWS does not tell of it any more
    assert OPEN not in list(rounds.due(house.ledger, PLATFORM, interval, too_late))

    house.collect(CLOSED)  # this one was read after AWS had closed it
    assert CLOSED not in list(rounds.due(house.ledger, PLATFORM, interval, after_a_quarter))
