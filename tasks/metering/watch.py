"""What people should know of costs without asking: a budget that is used up, a sudden rise, an account without costs.

Each is told once, by the notifications that there are. What was told stands in the database.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from statistics import median

from sqlalchemy import Connection, delete, func, select

from config.platform import Platform
from tasks.connector import Connector
from tasks.metering.database import Database
from tasks.metering.exact import CENT, join, quotient, text_of, total
from tasks.metering.ledger import Collection, State
from tasks.metering.months import Month
from tasks.metering.owners import Owner, current_owners
from tasks.metering.tables import account_days, accounts, collections, report_lines, reports, told
from tasks.metering.upserts import put
from tasks.notifications.alerts import Alert, Kind

THRESHOLDS = (100, 80)  # percent of a budget; the highest that is reached is told
LATE = 2  # days after which AWS has told nearly all of a day
LOOKED_BACK = 28  # days that a rise is compared with
LEAST_DAYS = 7  # of them; with fewer nobody knows what is usual
QUIET = timedelta(days=7)  # after a rise was told, for it lasts
WITHOUT_COSTS = 30  # days; then the account may not be needed any more
SMALL = Decimal(10)  # units of currency; a smaller rise is no news
BUDGET = re.compile(r"\s*(?P<amount>\d+(?:\.\d{1,2})?)\s*(?P<currency>[A-Z]{3})?\s*")
Days = Mapping[tuple[str, str], Mapping[date, Decimal]]  # (account, currency) -> what it cost on which day


@dataclass(frozen=True)
class News:
    """Something that people are told once."""

    subject: str
    kind: Kind
    tenant: str
    note: str
    until: date | None = None  # told again only after this day; None: never again


def warn(connector: Connector, database: Database, platform: Platform, done: Collection, now: datetime) -> int:
    """Tell people what a collection of the open month shows; answers how many alerts were raised."""
    if done.month != Month.of(now.date()):
        return 0
    with database.reading() as connection:
        owners = list(current_owners(connection, platform.identifier))
        days = _days(connection, platform.identifier, now.date())
        news = [
            *_budgets(connection, platform.identifier, done.month, owners),
            *_rises(owners, days, now.date()),
            *_without_costs(owners, days, now.date()),
        ]
        before = {row.subject: row.at for row in connection.execute(select(told))}
    fresh = [each for each in news if _is_fresh(each, before.get(each.subject), now.date())]
    for each in fresh:  # told before it is noted: a crash between the two tells it twice, and hides nothing
        connector.store.outbox.add(_alert(platform.identifier, done.month, each, now))
    rows = [{"platform": platform.identifier, "subject": each.subject, "at": now.isoformat()} for each in fresh]
    idle = [each.subject for each in news if each.kind is Kind.IDLE]
    with database.writing() as connection:
        put(connection, told, rows)
        over = told.c.subject.like("idle %") & told.c.subject.not_in(idle) & (told.c.platform == platform.identifier)
        connection.execute(delete(told).where(over))
    return len(fresh)


def budget_of(text: str | None) -> tuple[Decimal, str | None] | None:
    """Read a budget: an amount, and its currency if it names one; None: it says none.

    >>> budget_of("500 EUR"), budget_of("12.50"), budget_of("plenty")
    ((Decimal('500'), 'EUR'), (Decimal('12.50'), None), None)
    """
    found = BUDGET.fullmatch(text or "")
    return None if found is None else (Decimal(found["amount"]), found["currency"])


def is_rise(before: Sequence[Decimal], now: Decimal) -> bool:
    """Tell whether a day stands out of those before it, by their median and the median distance from it.

    >>> is_rise([Decimal(10)] * 10, Decimal(100)), is_rise([Decimal(10)] * 10, Decimal(14)), is_rise([], Decimal(100))
    (True, False, False)
    """
    if len(before) < LEAST_DAYS:
        return False
    usual = median(before)
    spread = median(abs(each - usual) for each in before)
    return now - usual > max(spread * Decimal("7.4"), usual / 2, SMALL)  # 7.4: five standard deviations


def _budgets(
    connection: Connection, platform: str, month: Month, owners: Iterable[tuple[str, date, Owner]]
) -> Iterator[News]:
    spent = project_totals(connection, platform, month)
    for owner in {(owner.workspace, owner.project): owner for _, _, owner in owners if not owner.deleted_on}.values():
        budget = budget_of(owner.budget)
        by_currency = spent.get((owner.workspace, owner.project), {})
        if budget is None or not budget[0] or not by_currency:
            continue
        currency = budget[1] or (next(iter(by_currency)) if len(by_currency) == 1 else None)
        used = by_currency.get(currency or "", Decimal(0))
        share = quotient(used * 100, budget[0])
        reached = next((each for each in THRESHOLDS if share >= each), None)
        if reached is not None:
            name = f"{owner.workspace}.{owner.project}"
            note = (
                f"{text_of(used.quantize(CENT))} {currency} of the monthly budget of {budget[0]} {currency} are used "
                f"({share:.0f}%) by {name} in {month}"
            )
            yield News(f"budget {month} {name} {reached}", Kind.BUDGET, owner.tenant, note)


def _rises(owners: Iterable[tuple[str, date, Owner]], days: Days, today: date) -> Iterator[News]:
    day = today - timedelta(days=LATE)
    if day.day == 1:  # what is charged once a month comes then
        return
    for account, _, owner in owners:
        for (of, currency), costs in days.items():
            before = [amount for at, amount in costs.items() if at < day and at.day != 1]
            if of == account and is_rise(before, costs.get(day, Decimal(0))):
                usual = text_of(Decimal(median(before)).quantize(CENT))
                note = f"{text_of(costs[day].quantize(CENT))} {currency} on {day}, usually about {usual} {currency}"
                yield News(f"rise {account}", Kind.RISE, owner.tenant, note, until=day + QUIET)


def _without_costs(owners: Iterable[tuple[str, date, Owner]], days: Days, today: date) -> Iterator[News]:
    first = today - timedelta(days=WITHOUT_COSTS)
    costly = {
        account
        for (account, _), costs in days.items()
        if abs(total(*(amount for day, amount in costs.items() if day >= first))) >= CENT
    }
    for account, since, owner in owners:
        if owner.deleted_on is None and since <= first and account not in costly:
            note = f"account {account} has cost nothing for {WITHOUT_COSTS} days: it may not be needed any more"
            yield News(f"idle {account}", Kind.IDLE, owner.tenant, note)


def idle(connection: Connection, platform: str, today: date) -> list[tuple[str, Owner]]:
    """Return the accounts of tenants that have cost nothing for 30 days."""
    owners = list(current_owners(connection, platform))
    found = {news.subject for news in _without_costs(owners, _days(connection, platform, today), today)}
    return [(account, owner) for account, _, owner in owners if f"idle {account}" in found]


def project_totals(connection: Connection, platform: str, month: Month) -> Mapping[tuple[str, str], dict[str, Decimal]]:
    """Return what each project pays in a month, by workspace and project, and by currency."""
    sums = (func.sum(report_lines.c[name]).label(name) for name in ("amount", "amount_tail"))
    names = (reports.c.workspace, reports.c.project, report_lines.c.currency)
    query = select(*names, *sums).join(report_lines, report_lines.c.report == reports.c.id)
    of_month = query.where(reports.c.platform == platform, reports.c.month == str(month), reports.c.tenant.is_not(None))
    found: dict[tuple[str, str], dict[str, Decimal]] = {}
    for row in connection.execute(of_month.group_by(*names).order_by(*names)):
        found.setdefault((row.workspace, row.project), {})[row.currency] = join(row.amount, row.amount_tail)
    return found


def newest_done(connection: Connection, platform: str, month: Month) -> int | None:
    """Return the collection that tells the days of a month; None: there is none."""
    query = select(func.max(collections.c.id)).where(
        collections.c.platform == platform, collections.c.month == str(month), collections.c.state == State.DONE
    )
    return connection.execute(query).scalar()


def _days(connection: Connection, platform: str, today: date) -> Days:
    """Return what every account cost on the last days."""
    first = today - timedelta(days=LOOKED_BACK + LATE)
    month = Month.of(today)
    told_by = [each for each in (newest_done(connection, platform, of) for of in (month, month.before)) if each]
    query = select(accounts.c.account, account_days).join(accounts, accounts.c.number == account_days.c.account)
    wanted = query.where(account_days.c.collection.in_(told_by), account_days.c.day >= first.toordinal())
    found: dict[tuple[str, str], dict[date, Decimal]] = {}
    for row in connection.execute(wanted):
        days = found.setdefault((row[0], row.currency), {})
        days[date.fromordinal(row.day)] = join(row.amount, row.amount_tail)
    return found


def _is_fresh(news: News, before: str | None, today: date) -> bool:
    if before is None:
        return True
    return news.until is not None and today > datetime.fromisoformat(before).date() + QUIET


def _alert(platform: str, month: Month, news: News, now: datetime) -> str:
    link = f"/api/v1/usage-reports?month={month}&tenant={news.tenant}"
    alert = Alert(kind=news.kind, platform=platform, tenant=news.tenant, at=now, note=news.note, link=link)
    return alert.model_dump_json(by_alias=True, exclude_none=True)
