"""What people should know of costs without asking: a budget that is used up, a sudden rise, an account without costs.

Each is told once, by the notifications that there are; what lasts is not told again while it does. What was told stands
in the database.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from statistics import median

from sqlalchemy import Connection, delete, select, update

from config.platform import Platform
from tasks.connector import Connector
from tasks.metering import days
from tasks.metering.budgets import Budget, Of, budgets
from tasks.metering.database import Database
from tasks.metering.exact import CENT, rounded, text_of
from tasks.metering.ledger import Collection
from tasks.metering.months import Month
from tasks.metering.owners import Owner, current_owners
from tasks.metering.tables import told
from tasks.metering.upserts import add
from tasks.model.desired import TenantId
from tasks.notifications.alerts import Alert, Kind

EVERYWHERE = "*"  # as platform of what was told: budgets are of all platforms
THRESHOLDS = (100, 80)  # percent of a budget; the highest that is reached is told
LATE = 2  # days after which AWS has told nearly all of a day
LOOKED_AT = 7  # days in which a rise is looked for, so that one is seen also if nothing was collected for some days
LOOKED_BACK = 28  # days that a rise is compared with
LEAST_DAYS = 7  # of them; with fewer nobody knows what is usual
QUIET = timedelta(days=7)  # without a rise; then the next one is news
WITHOUT_COSTS = 30  # days; then the account may not be needed any more
SMALL = Decimal(10)  # units of currency; a smaller rise is no news
Owners = Mapping[str, tuple[date, Owner]]  # account -> since when it is whose


@dataclass(frozen=True)
class News:
    """Something that people are told once."""

    subject: str
    kind: Kind
    tenant: str
    note: str
    day: date | None = None  # of a rise
    platform: str | None = None  # None: everywhere
    more: tuple[str, ...] = ()  # subjects that say more than this one

    @property
    def key(self) -> tuple[str, str]:
        """Under which it is noted that it was told."""
        return self.platform or EVERYWHERE, self.subject

    def is_less_than(self, told_before: Container[tuple[str, str]]) -> bool:
        """Tell whether people were told more than this: costs may fall below a threshold again."""
        return any((self.key[0], subject) in told_before for subject in self.more)

    def is_fresh(self, before: str | None) -> bool:
        """Tell whether nobody knows it yet.

        before   when it was told, or of which day the last rise was
        """
        if before is None:
            return True
        return self.day is not None and self.day > date.fromisoformat(before[:10]) + QUIET


def warn(connector: Connector, database: Database, platform: Platform, done: Collection, now: datetime) -> int:
    """Tell people what a collection shows; answers how many alerts were raised.

    Of the month before, which AWS closes only now, it tells of budgets.
    """
    current = Month.of(now.date())
    if done.month not in (current, current.before):
        return 0
    with database.reading() as connection:
        found = budgets(connection, done.month, connector.catalog.prices)
        news = [each for budget in found if (each := _used_up(budget, done.month))]
        quiet = idle(connection, platform.identifier, now.date()) if done.month == current else None
        if done.month == current:
            news += _of_accounts(connection, platform.identifier, quiet or (), now.date())
        before = {(row.platform, row.subject): row.at for row in connection.execute(select(told))}
    raised = 0
    with database.writing() as connection:
        for each in sorted(news, key=lambda each: each.key):  # in one order, so that two do not wait for each other
            if each.is_less_than(before) or not _is_ours_to_tell(connection, each, before.get(each.key), now):
                continue
            connector.store.outbox.add(_alert(done.month, each, now))  # a crash right now tells it twice
            raised += 1
        if quiet is not None:  # else nobody knows, and what was told is still known
            subjects = [each.subject for each in news if each.kind is Kind.IDLE]
            mine = told.c.subject.like("idle %") & (told.c.platform == platform.identifier)
            connection.execute(delete(told).where(mine, told.c.subject.not_in(subjects)))
    return raised


def _is_ours_to_tell(connection: Connection, news: News, before: str | None, now: datetime) -> bool:
    """Note that something is told; False: it is known, or another worker tells it at this moment.

    before   as it was noted when we looked
    """
    row = {"platform": news.key[0], "subject": news.subject, "at": _noted_at(news, now)}
    if before is None:
        return add(connection, told, row, ("platform", "subject")) is not None
    if news.day is None:
        return False
    same = (told.c.platform == news.key[0]) & (told.c.subject == news.subject) & (told.c.at == before)
    noted = connection.execute(update(told).where(same).values(at=row["at"]).returning(told.c.at)).first()
    return noted is not None and news.is_fresh(before)


def _noted_at(news: News, now: datetime) -> str:
    return now.isoformat() if news.day is None else news.day.isoformat()


def _of_accounts(
    connection: Connection, platform: str, quiet: Iterable[tuple[str, Owner]], today: date
) -> Iterator[News]:
    owners = {account: (since, owner) for account, since, owner in current_owners(connection, platform)}
    yield from _rises(connection, platform, owners, today)
    for account, owner in quiet:
        note = f"account {account} has cost nothing for {WITHOUT_COSTS} days: it may not be needed any more"
        yield News(f"idle {account}", Kind.IDLE, owner.tenant, note, platform=platform)


def is_rise(before: Sequence[Decimal], now: Decimal) -> bool:
    """Tell whether a day stands out of those before it, by their median and the median distance from it.

    >>> is_rise([Decimal(10)] * 10, Decimal(100)), is_rise([Decimal(10)] * 10, Decimal(14)), is_rise([], Decimal(100))
    (True, False, False)
    """
    if len(before) < LEAST_DAYS:
        return False
    usual = median(before)
    if now - usual <= max(usual / 2, SMALL):  # nearly always
        return False
    spread = median(abs(each - usual) for each in before)
    return now - usual > spread * Decimal("7.4")  # five standard deviations


def _used_up(budget: Budget, month: Month) -> News | None:
    share = budget.percent
    reached = None if share is None else next((each for each in THRESHOLDS if share >= each), None)
    if reached is None or budget.used is None:
        return None
    amount, used = f"{budget.amount} {budget.currency}", text_of(rounded(budget.used, CENT))
    if budget.of is Of.PROJECT:
        used_of = f"of the monthly budget of {amount} are used ({share:.0f}%) by {budget.name} in {month}"
        subject = f"budget {month} {budget.name} {amount}"
    else:
        used_of = f"of the {amount} of payment method {budget.name} are used ({share:.0f}%) in all months together"
        subject = f"payment method {budget.name} {amount}"
    more = tuple(f"{subject} {each}" for each in THRESHOLDS if each > reached)
    return News(f"{subject} {reached}", Kind.BUDGET, budget.tenant, f"{used} {budget.currency} {used_of}", more=more)


def _rises(connection: Connection, platform: str, owners: Owners, today: date) -> Iterator[News]:
    """Find the newest day of each account that stands out of those before it."""
    newest = today - timedelta(days=LATE)
    first = newest - timedelta(days=LOOKED_BACK + LOOKED_AT)
    known = days.told_since(connection, platform, first, today)
    for each in days.of_accounts(connection, known.values(), first):
        if each.account not in owners:
            continue
        since, owner = owners[each.account]
        usual_days = [
            day
            for number in range((newest - first).days + 1)
            if (day := first + timedelta(days=number)) >= since and Month.of(day) in known and day.day != 1
        ]  # what is charged once a month comes on the first
        if (rise := _rise(each.costs, usual_days, newest)) is not None:
            day, usual = rise
            cost, usually = (f"{text_of(rounded(amount, CENT))} {each.currency}" for amount in (each.costs[day], usual))
            note = f"{cost} on {day}, usually about {usually}"
            yield News(f"rise {each.account}", Kind.RISE, owner.tenant, note, day, platform)


def _rise(costs: Mapping[date, Decimal], told_days: Sequence[date], newest: date) -> tuple[date, Decimal] | None:
    """Return the newest day that is a rise, and what was usual before it; a day without a cost has cost nothing."""
    for day in reversed(told_days):
        if day <= newest - timedelta(days=LOOKED_AT):
            return None
        start = day - timedelta(days=LOOKED_BACK)
        before = [costs.get(other, Decimal(0)) for other in told_days if start <= other < day]
        if is_rise(before, costs.get(day, Decimal(0))):
            return day, median(before)
    return None


def idle(connection: Connection, platform: str, today: date) -> list[tuple[str, Owner]] | None:
    """Return the accounts of tenants that have cost nothing for 30 days; None: AWS has not told of all these days."""
    first, newest = today - timedelta(days=WITHOUT_COSTS), today - timedelta(days=LATE)
    known = days.told_since(connection, platform, first, today)
    month = Month.of(newest)
    while month.end > first:
        if month not in known or known[month].asked_on < min(month.end, newest):
            return None
        month = month.before
    costly = days.with_costs(connection, known.values(), first)
    return [
        (account, owner)
        for account, since, owner in current_owners(connection, platform)
        if owner.deleted_on is None and since <= first and account not in costly
    ]


def _alert(month: Month, news: News, now: datetime) -> str:
    link = f"/api/v1/usage-reports?month={month}&tenant={news.tenant}"
    platform = TenantId.parse(news.tenant).platform if news.platform is None else news.platform
    alert = Alert(kind=news.kind, platform=platform, tenant=news.tenant, at=now, note=news.note, link=link)
    return alert.model_dump_json(by_alias=True, exclude_none=True)
