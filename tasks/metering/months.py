"""Months, as costs are billed: by UTC, open until AWS has closed the bill."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

FINAL_AFTER = timedelta(days=6)  # of the next month AWS's bill is final. Source: AWS Billing user guide
MONTH = re.compile("[0-9]{4}-(0[1-9]|1[0-2])")


@dataclass(frozen=True, order=True)
class Month:
    """One month, by its first day."""

    first: date

    @classmethod
    def parse(cls, text: str) -> Month:
        """Read `2026-10`; ValueError says what is wrong."""
        if not MONTH.fullmatch(text):
            raise ValueError(f"{text!r} is not a month; write it as 2026-10")
        return cls(date.fromisoformat(f"{text}-01"))

    @classmethod
    def of(cls, day: date) -> Month:
        """Return the month of a day."""
        return cls(day.replace(day=1))

    def __str__(self) -> str:
        return f"{self.first:%Y-%m}"

    @property
    def end(self) -> date:
        """The first day of the next month."""
        return (self.first + timedelta(days=32)).replace(day=1)

    @property
    def before(self) -> Month:
        """The month before."""
        return Month.of(self.first - timedelta(days=1))

    @property
    def final_from(self) -> date:
        """From this day on AWS changes nothing any more."""
        return self.end + FINAL_AFTER

    @property
    def length(self) -> int:
        """Its number of days."""
        return (self.end - self.first).days

    def days(self) -> Iterator[date]:
        """Yield its days."""
        yield from (self.first + timedelta(days=number) for number in range(self.length))

    def nearest(self, day: date) -> date:
        """Return the day of this month that is nearest to a day: what AWS bills in it stays in it."""
        return min(max(day, self.first), self.end - timedelta(days=1))
