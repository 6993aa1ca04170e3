"""The window of the daily replications, and who is due in it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from config.day_window import DAY, DayWindow
from tasks.daily.round import too_old

HOUR = timedelta(hours=1)
NIGHT = DayWindow.parse("22:00-04:00")


def at(hour: int) -> datetime:
    return datetime(2026, 1, 1, hour, tzinfo=UTC)


@pytest.mark.parametrize(("hour", "since"), [(21, None), (22, 0), (23, 1), (3, 5), (4, None)])
def test_a_window_over_midnight(hour: int, since: int | None) -> None:
    assert NIGHT.open_for(at(hour)) == (None if since is None else since * HOUR)


@pytest.mark.parametrize("text", ["", "22-4", "25:00-03:00", "24:30-03:00", "22:00", 7])
def test_what_is_no_window_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="must"):
        DayWindow.parse(text)


@pytest.mark.parametrize("text", ["00:00-24:00", "22:00-04:00", "06:30-07:00"])
def test_it_is_written_as_it_is_read(text: str) -> None:
    assert str(DayWindow.parse(text)) == text


def test_each_tenant_has_its_turn_in_every_window() -> None:
    assert too_old(DayWindow(), DAY, at(12)) == DAY
    assert too_old(NIGHT, DAY, at(12)) is None
    assert too_old(NIGHT, DAY, at(23)) == HOUR  # whoever was not replicated since it opened
    assert too_old(NIGHT, 7 * DAY, at(23)) == 7 * DAY - 6 * HOUR
