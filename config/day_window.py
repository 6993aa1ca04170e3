"""A part of every day, in UTC: when the daily replications begin."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

DAY = timedelta(days=1)
_FORM = re.compile(r"([01]\d|2[0-4]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)")


@dataclass(frozen=True)
class DayWindow:
    """From `start`, counted from midnight UTC, for `length`; over midnight is fine. The default is the whole day."""

    start: timedelta = timedelta()
    length: timedelta = DAY

    @classmethod
    def parse(cls, value: object) -> Self:
        """Read HH:MM-HH:MM; ValueError says what is wrong.

        >>> DayWindow.parse("22:00-04:00").length
        datetime.timedelta(seconds=21600)
        """
        if isinstance(value, cls):
            return value
        match = _FORM.fullmatch(value.strip()) if isinstance(value, str) else None
        if match is None:
            raise ValueError("must be a part of the day in UTC, such as 22:00-04:00; 00:00-24:00 is all of it")
        hours = [int(part) for part in match.groups()]
        start, end = timedelta(hours=hours[0], minutes=hours[1]), timedelta(hours=hours[2], minutes=hours[3])
        if max(start, end) > DAY:
            raise ValueError("must not name a time after 24:00")
        return cls(start % DAY, (end - start) % DAY or DAY)

    def open_for(self, now: datetime) -> timedelta | None:
        """Tell since when it is open; None: it is closed. A window of a whole day is always open for a whole day.

        now    aware, UTC
        """
        if self.length == DAY:
            return DAY
        of_day = timedelta(hours=now.hour, minutes=now.minute, seconds=now.second, microseconds=now.microsecond)
        since = (of_day - self.start) % DAY
        return since if since < self.length else None

    def __str__(self) -> str:
        end = self.start + self.length
        end = end if end <= DAY else end - DAY
        return f"{_time(self.start)}-{_time(end)}"


def _time(of_day: timedelta) -> str:
    minutes = round(of_day.total_seconds() / 60)
    return f"{minutes // 60:02}:{minutes % 60:02}"
