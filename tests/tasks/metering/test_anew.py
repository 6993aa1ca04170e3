"""What is read while AWS changes what it tells, or forgets its token, is there once and adds up."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest

from tasks.metering import rounds
from tasks.metering.ledger import State
from tests.tasks.metering.conftest import CLOSED, House, total
from tests.tasks.metering.test_collection import exported, own_totals

REGISTRAR = {
    "day": str(CLOSED.first + timedelta(days=9)),
    "day_shown": str(CLOSED.end + timedelta(days=200)),
    "account": "700000000001",
    "service": "Amazon Registrar",
    "usage_type": "domain",
    "amount": "12.00",
}


def kinds(house: House) -> set[str]:
    return {item.kind for report in house.reports() for item in report.line_items}


@pytest.mark.parametrize(
    "dollars", [pytest.param("0.01", marks=pytest.mark.thorough), "0.05"]
)  # while the totals are read, and while costs are
def test_what_vanishes_while_it_is_read_is_forgotten(house: House, dollars: str) -> None:
    for number in range(CLOSED.length):
        day = str(CLOSED.first + timedelta(days=number))
        line = {"service": "AWS Lambda", "usage_type": "gone", "amount": "7.5"}
        house.simulator.operator("add_cost", day=day, account="700000000001", **line)
    begun = house.begin()
    house.set(metering_dollars_per_day=Decimal(dollars))
    rounds.collect(house.worker, house.now)
    house.simulator.operator("set_costs", forget=True, accounts=8)  # one fewer

    house.set(metering_dollars_per_day=Decimal(5))
    rounds.collect(house.worker, house.now)

    done = house.ledger.find(begun.id)
    assert done is not None
    assert done.state is State.DONE
    assert total(house.reports()) == own_totals(house)
    assert kinds(house) == {"USAGE"}
    assert not [item for report in house.reports() for item in report.line_items if item.usage_type == "gone"]


def test_a_bill_that_has_expired_before_a_question_is_asked_again(house: House) -> None:
    begun = house.begin()
    house.simulator.inject(service="ce", code="BillExpirationException", status=400, skip=2)
    rounds.collect(house.worker, house.now)
    waiting = house.ledger.find(begun.id)
    assert waiting is not None
    assert waiting.state is State.RUNNING

    rounds.collect(house.worker, house.now)
    assert total(house.reports(), "USAGE") == own_totals(house)


def test_a_cost_outside_of_the_month_stays_when_the_day_that_it_counts_for_changes(house: House) -> None:
    house.simulator.operator("add_cost", **REGISTRAR)
    house.collect(whole=False)
    last = {"day": str(CLOSED.end - timedelta(days=1)), "service": "AWS Lambda", "usage_type": "late", "amount": "70"}
    house.simulator.operator("add_cost", account="700000000002", **last)

    again = house.collect(whole=False)

    assert again.rows < 1500  # one day, and not the whole month
    assert total(house.reports()) == own_totals(house)
    assert kinds(house) == {"USAGE"}


def test_a_cost_outside_of_the_month_that_comes_late_is_read(house: House) -> None:
    house.collect(whole=False)
    house.simulator.operator("add_cost", **REGISTRAR)
    house.collect(whole=False)
    assert total(house.reports()) == own_totals(house)
    assert kinds(house) == {"USAGE"}


def test_a_cost_outside_of_the_month_survives_a_lost_token(make_house: Callable[..., House]) -> None:
    calm, shaken = make_house(), make_house()
    calm.simulator.operator("add_cost", **REGISTRAR)
    calm.collect()
    begun = shaken.begin()
    shaken.simulator.inject(
        service="ce", operation="GetCostAndUsage", code="InvalidNextTokenException", status=400, skip=6
    )
    rounds.collect(shaken.worker, shaken.now)

    assert [fault["struck"] for fault in shaken.simulator.clear_faults()] == [1]
    done = shaken.ledger.find(begun.id)
    assert done is not None
    assert done.state is State.DONE
    assert exported(shaken) == exported(calm)


@pytest.mark.thorough
def test_names_of_any_length_are_the_same_in_both_databases(
    make_house: Callable[..., House], postgresql: Callable[[], str]
) -> None:
    file, server = make_house(), make_house(postgresql())
    line = {"service": "S" * 900, "usage_type": "U" * 1000, "unit": "u" * 150, "amount": "1.5"}
    file.simulator.operator("add_cost", day=str(CLOSED.first), account="700000000001", **line)
    for house in (file, server):
        house.collect()
    assert exported(server) == exported(file)
    assert b"U" * 1000 in exported(file)[0]


def test_an_amount_that_no_database_keeps_stops_nobody_else(house: House) -> None:
    line = {"service": "AWS Lambda", "usage_type": "late", "amount": str(10**19)}
    house.simulator.operator("add_cost", day=str(CLOSED.first), account="700000000001", **line)
    begun = house.begin()
    rounds.collect(house.worker, house.now)
    waiting = house.ledger.find(begun.id)
    assert waiting is not None
    assert "MalformedAnswer" in (waiting.note or "")
