"""What a month will have cost in the end."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest

from tasks.metering.forecasting import Growth, needs_month_before, told_all_of, whole_month
from tasks.metering.months import Month

MARCH = Month(date(2028, 3, 1))


def each_day(first: date, last: date, amount: int) -> dict[date, Decimal]:
    return {first + timedelta(days=number): Decimal(amount) for number in range((last - first).days + 1)}


FEBRUARY = each_day(date(2028, 2, 1), date(2028, 2, 29), 10)


@pytest.mark.parametrize(
    ("costs", "told_until", "whole"),
    [
        (each_day(date(2028, 3, 2), date(2028, 3, 10), 10), date(2028, 3, 10), 300),
        (each_day(date(2028, 3, 2), date(2028, 3, 12), 9), date(2028, 3, 10), 270),  # two of which it has told a part
        (
            each_day(date(2028, 3, 2), date(2028, 3, 10), 10) | {date(2028, 3, 11): Decimal(100)},
            date(2028, 3, 10),
            390,
        ),
        ({date(2028, 3, 1): Decimal(500), **each_day(date(2028, 3, 2), date(2028, 3, 4), 10)}, date(2028, 3, 4), 800),
        ({date(2028, 3, 3): Decimal(70), date(2028, 3, 10): Decimal(70)}, date(2028, 3, 10), 350),  # every Friday
        ({date(2028, 3, 10): Decimal(70)}, date(2028, 3, 10), 280),  # another Friday
        (FEBRUARY | each_day(date(2028, 3, 1), date(2028, 3, 2), 1), date(2028, 2, 29), 310),
        (FEBRUARY | {date(2028, 3, 1): Decimal(500)}, date(2028, 2, 29), 800),
        (FEBRUARY | each_day(date(2028, 3, 1), date(2028, 3, 4), 10), date(2028, 3, 2), 310),
        (each_day(date(2028, 3, 2), date(2028, 3, 10), -1), date(2028, 3, 10), -30),
        (each_day(date(2028, 3, 1), date(2028, 3, 2), 10), date(2028, 2, 29), 20),  # nothing is known of a usual day
        ({}, date(2028, 3, 10), 0),
    ],
)
def test_the_rest_of_a_month_is_guessed_by_its_last_whole_days(
    costs: dict[date, Decimal], told_until: date, whole: int
) -> None:
    spent = sum((amount for day, amount in costs.items() if Month.of(day) == MARCH), Decimal(0))
    fee = Decimal(25)  # is there as a whole
    known_from = min(MARCH.first, *costs) if costs else MARCH.first
    assert whole_month(spent + fee, costs, known_from, told_until, MARCH) == whole + fee


def test_what_comes_once_a_week_is_in_every_week_once() -> None:
    mondays = {day: Decimal(70) for day in FEBRUARY if day.weekday() == 0} | {date(2028, 3, 6): Decimal(70)}
    assert whole_month(Decimal(70), mondays, date(2028, 2, 1), date(2028, 3, 8), MARCH) < 400


def test_what_is_new_is_guessed_by_the_days_that_it_has() -> None:
    costs = each_day(date(2028, 3, 9), date(2028, 3, 10), 10)
    assert whole_month(Decimal(20), costs, date(2028, 3, 9), date(2028, 3, 10), MARCH) == 230


def test_where_nothing_was_collected_for_days_these_are_guessed_as_well() -> None:
    today = date(2028, 3, 20)
    assert told_all_of([today], today, 2) == date(2028, 3, 18)
    assert told_all_of([today, date(2028, 3, 12)], today, 2) == date(2028, 3, 10)


def test_what_comes_once_a_month_does_not_grow() -> None:
    growth = Growth(spent=Decimal(125), once=Decimal(25), whole=Decimal(425))
    assert growth.of(Decimal(25), Decimal(25)) == 25
    assert growth.of(Decimal(60), Decimal(10)) == 210
    assert growth.of(Decimal(-5), Decimal(0)) == -20


@pytest.mark.parametrize(("spent", "whole"), [(-5, 100), (5, -100), (0, 10)])
def test_where_more_is_given_back_than_spent_nothing_is_guessed(spent: int, whole: int) -> None:
    assert Growth(Decimal(spent), Decimal(0), Decimal(whole)).of(Decimal(7), Decimal(0)) == 7


def test_the_month_before_is_needed_until_there_are_enough_days() -> None:
    assert [needs_month_before(date(2028, 3, day), MARCH) for day in (1, 6, 7)] == [True, True, False]
