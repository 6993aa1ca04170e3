"""Which costs may be collected: platforms, months, and how much of a month. For those who ask and those who collect."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from types import MappingProxyType

from config.catalog import Catalog
from config.platform import Platform
from tasks.metering.errors import NoMetering, NoSuchMonth
from tasks.metering.months import Month

MONTHS_KEPT = 13  # that AWS still tells of by day, beside the current one


def collecting(catalog: Catalog, kept_under: Mapping[str, str] = MappingProxyType({})) -> list[Platform]:
    """List the platforms whose costs are collected: one for each organization, the first by name.

    kept_under  management account -> the platform that has collected before, which goes on
    """
    chosen: dict[str, Platform] = {}
    for name, platform in sorted(catalog.platforms.items()):
        if platform.metering is not None:
            account = platform.metering.account_id
            if account not in chosen or kept_under.get(account) == name:
                chosen[account] = platform
    return sorted(chosen.values(), key=lambda platform: platform.identifier)


def collecting_platform(catalog: Catalog, name: str, kept_under: Mapping[str, str]) -> Platform:
    """Return a platform whose costs are collected; raises NoMetering."""
    found = {platform.identifier: platform for platform in collecting(catalog, kept_under)}
    if name not in found:
        known = f"costs are collected by {', '.join(found)}" if found else "no platform document has metering"
        raise NoMetering(f"No costs are collected by platform {name}: {known}.")
    return found[name]


def wanted_month(text: str | None, now: datetime | None = None) -> Month:
    """Read the month that somebody asks for, by default the current one; raises NoSuchMonth."""
    today = (now or datetime.now(UTC)).date()
    try:
        month = Month.of(today) if text is None else Month.parse(text)
    except ValueError as error:
        raise NoSuchMonth(str(error)) from error
    if month > Month.of(today):
        raise NoSuchMonth(f"{month} has not started yet.")
    if not is_told(month, today):
        raise NoSuchMonth(f"AWS no longer provides the costs of {month}: it keeps {MONTHS_KEPT} months.")
    return month


def is_whole(month: Month, now: datetime) -> bool:
    """Tell whether every day of a month is read: once AWS does not change it any more."""
    return now.date() >= month.final_from


def is_told(month: Month, today: date) -> bool:
    """Tell whether AWS still tells the costs of a month."""
    return _months_between(month, today) <= MONTHS_KEPT


def _months_between(month: Month, today: date) -> int:
    return (today.year - month.first.year) * 12 + today.month - month.first.month
