"""What an open month will have cost in the end: pure decisions, made of its days.

The days that AWS has not told of yet, and those that it has told a part of, are guessed by the last ones that it has
told all of. What comes once a month is in what was spent, and is not repeated.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from tasks.metering.exact import product, quotient, total
from tasks.metering.months import Month

TYPICAL = 7  # days of which the next ones are guessed


def whole_month(
    spent: Decimal, costs: Mapping[date, Decimal], known_from: date, told_until: date, month: Month
) -> Decimal:
    """Return what a month will have cost in one currency.

    spent       so far, with all that is no cost of a day
    costs       by day, also of the month before where it is needed; days without costs are missing
    known_from  the first day of which anything is known
    told_until  the last day that AWS has told all of
    """
    usual = _usual(costs, known_from, told_until)
    if usual is None:
        return spent
    rest = (day for day in month.days() if day > told_until)
    return total(spent, *(_missing(costs.get(day, Decimal(0)), usual) for day in rest))


def needs_month_before(told_until: date, month: Month) -> bool:
    """Tell whether a month has too few days yet to be guessed by them alone."""
    return told_until < month.first + timedelta(days=TYPICAL - 1)


def _missing(told: Decimal, usual: Decimal) -> Decimal:
    """Return what a day will cost yet; one that has cost more than usual already will not become cheaper."""
    missing = total(usual, -told)
    return missing if (missing > 0) == (usual > 0) else Decimal(0)


def _usual(costs: Mapping[date, Decimal], known_from: date, told_until: date) -> Decimal | None:
    """Return what a day costs; a day without a cost has cost nothing. None: nothing is known."""
    days = (told_until - timedelta(days=number) for number in range(TYPICAL))
    known = [day for day in days if day >= known_from and day.day != 1]  # what comes once a month comes on the first
    return quotient(total(*(costs.get(day, Decimal(0)) for day in known)), Decimal(len(known))) if known else None


@dataclass(frozen=True)
class Growth:
    """How a month grows until its end, in one currency."""

    spent: Decimal  # so far
    once: Decimal  # of this: what comes once a month, and is there as a whole
    whole: Decimal  # in the end

    def of(self, amount: Decimal, once: Decimal) -> Decimal:
        """Return what one part of the month will have cost: all parts grow alike."""
        so_far, whole = total(self.spent, -self.once), total(self.whole, -self.once)
        if so_far <= 0 or whole <= 0:  # more was given back than was spent: nobody knows how that grows
            return amount
        return total(once, quotient(product(total(amount, -once), whole), so_far))


def told_all_of(asked_on: Iterable[date], today: date, late: int) -> date:
    """Return the last day that AWS has told all of.

    asked_on  when each platform was asked last
    late      days after which AWS has told nearly all of a day
    """
    return min([today, *asked_on]) - timedelta(days=late)
