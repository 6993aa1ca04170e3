"""Whose an account is since when: kept day by day, so that a month is split between those who owned the account in it.

The tenants in Redis say whose an account is now; a change is noted within minutes, and counts from that day on. What a
deleted tenant's account still costs stays with it. An account that no tenant had on a day is nobody's then.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, func, or_, select

from tasks.connector import Connector
from tasks.metering.database import Database
from tasks.metering.months import Month
from tasks.metering.tables import ownerships, told
from tasks.metering.upserts import put
from tasks.model.desired import Desired, PaymentMethod
from tasks.state.records import TenantRecord

NOTED = "owners noted"  # until when changes of tenants are in the database
OVERLAP = timedelta(minutes=2)  # clocks of machines may differ by so much


@dataclass(frozen=True)
class Owner:
    """Who pays for an account."""

    tenant: str
    workspace: str
    project: str
    payment_method: str | None
    landing_zone: str
    budget: str | None = None  # a month, as the project's tag has it
    payment_budget: str | None = None  # of all months together: the amount of the payment method
    deleted_on: date | None = None

    @property
    def platform(self) -> str:
        """The <platform>.<location> that the tenant is on."""
        return ".".join(self.tenant.split(".")[2:])

    def is_same(self, other: Owner) -> bool:
        """Tell whether both pay in the same way."""
        ours, theirs = (replace(each, budget=None, payment_budget=None, deleted_on=None) for each in (self, other))
        return ours == theirs


@dataclass(frozen=True)
class Segment:
    """Some days of a month in which an account had one owner."""

    first: date
    end: date  # exclusive
    owner: Owner | None  # None: nobody


def note_owners(connector: Connector, database: Database, platform: str, now: datetime) -> int:
    """Note whose accounts are whose; looks at the tenants that have changed since the last time. Answers how many."""
    organization = connector.catalog.platforms[platform].management_account_id
    since = _noted(database, platform)
    changed = [
        record
        for summary in connector.store.tenants.listed()
        if since is None or summary.updated_at >= since - OVERLAP
        if (at := connector.catalog.platforms.get(summary.id.platform)) and at.management_account_id == organization
        if (record := connector.store.tenants.find(summary.id)) is not None
    ]
    with database.writing() as connection:
        for record in changed:
            owner = owner_of(record, connector.settings.metering_budget_tag)
            for account in filter(None, (*record.handles.closed_accounts, record.handles.account_id)):
                _note(connection, platform, account, owner, record.created_at.date(), now.date())
        put(connection, told, [{"platform": platform, "subject": NOTED, "at": now.isoformat()}])
    return len(changed)


def owner_of(record: TenantRecord, budget_tag: str) -> Owner:
    """Return who pays for a tenant's account."""
    desired = record.desired
    return Owner(
        tenant=str(record.id),
        workspace=record.id.workspace,
        project=record.id.project,
        payment_method=_payment_method(desired),
        landing_zone=desired.landing_zone,
        budget=next(iter(desired.project.tags.get(budget_tag, [])), None),
        payment_budget=desired.payment_method.amount if isinstance(desired.payment_method, PaymentMethod) else None,
        deleted_on=record.deleted_at.date() if record.deleted_at else None,
    )


def segments(history: Iterable[tuple[date, Owner]], month: Month) -> list[Segment]:
    """Split a month between an account's owners.

    history   since when each of them has it, sorted
    """
    changes = [(since, owner) for since, owner in history if since < month.end]
    found: list[Segment] = []
    first, owner = month.first, None
    for since, following in changes:
        if since > first:
            found.append(Segment(first, since, owner))
        first, owner = max(since, month.first), following
    found.append(Segment(first, month.end, owner))
    return [each for each in found if each.end > each.first]


def histories(
    connection: Connection, platform: str, workspace: str | None = None, tenant: str | None = None
) -> Mapping[str, list[tuple[date, Owner]]]:
    """Read every account's owners; of a workspace or tenant those of the accounts that it ever had."""
    query = select(ownerships).where(ownerships.c.platform == platform)
    for column, name in ((ownerships.c.workspace, workspace), (ownerships.c.tenant, tenant)):
        if name is not None:
            own = select(ownerships.c.account).where(ownerships.c.platform == platform, column == name)
            query = query.where(ownerships.c.account.in_(own))
    found: dict[str, list[tuple[date, Owner]]] = {}
    for row in connection.execute(query.order_by(ownerships.c.account, ownerships.c.since)):
        found.setdefault(row.account, []).append((date.fromordinal(row.since), _owner(row)))
    return found


def current_owners(connection: Connection, platform: str) -> Iterator[tuple[str, date, Owner]]:
    """Yield every account with its owner, and since when its tenant has it, whoever of them paid for it."""
    for account, history in histories(connection, platform).items():
        since, owner = history[-1]
        for earlier, other in reversed(history):
            if other.tenant != owner.tenant:
                break
            since = earlier
        yield account, since, owner


def paying(connection: Connection) -> Iterator[Owner]:
    """Yield the owners of accounts of tenants that are there and have a budget, on all platforms, the newest last."""
    key = (ownerships.c.platform, ownerships.c.account)
    newest = select(*key, func.max(ownerships.c.since).label("since")).group_by(*key).subquery()
    same = and_(*(ownerships.c[name] == newest.c[name] for name in ("platform", "account", "since")))
    with_budget = or_(ownerships.c.budget.is_not(None), ownerships.c.payment_budget.is_not(None))
    query = select(ownerships).join(newest, same).where(ownerships.c.deleted_on.is_(None), with_budget)
    yield from map(_owner, connection.execute(query.order_by(ownerships.c.since, *key)))


def note_former(connection: Connection, platform: str, account: str, segment: Segment) -> None:
    """Note whose an account was in some days, as a report of them says; the days before and after stay as they are."""
    query = select(ownerships).where(ownerships.c.platform == platform, ownerships.c.account == account)
    history = [(date.fromordinal(row.since), _owner(row)) for row in connection.execute(query)]
    before, after = (_owner_on(history, day) for day in (segment.first, segment.end))
    assert segment.owner is not None
    if before is not None and before.is_same(segment.owner):
        return
    rows = [_row(platform, account, segment.first, segment.owner)]
    if after is not None and after == before:  # nothing else began meanwhile
        rows.append(_row(platform, account, segment.end, after))
    put(connection, ownerships, rows)


def _owner_on(history: Iterable[tuple[date, Owner]], day: date) -> Owner | None:
    begun = [(since, owner) for since, owner in history if since <= day]
    return max(begun, key=lambda each: each[0])[1] if begun else None


def _note(connection: Connection, platform: str, account: str, owner: Owner, created: date, today: date) -> None:
    query = select(ownerships).where(ownerships.c.platform == platform, ownerships.c.account == account)
    last = connection.execute(query.order_by(ownerships.c.since.desc()).limit(1)).first()
    if last is None:
        since = created
    else:
        before = _owner(last)
        if before == owner or (before.deleted_on is None and owner.deleted_on and before.tenant != owner.tenant):
            return  # a closed account of a tenant that has another one now
        since = date.fromordinal(last.since) if before.is_same(owner) else today
    put(connection, ownerships, [_row(platform, account, since, owner)])


def _row(platform: str, account: str, since: date, owner: Owner) -> dict[str, Any]:
    row: dict[str, Any] = {"platform": platform, "account": account, "since": since.toordinal(), "tenant": owner.tenant}
    row |= {"workspace": owner.workspace, "project": owner.project, "payment_method": owner.payment_method}
    row |= {"landing_zone": owner.landing_zone, "budget": owner.budget, "payment_budget": owner.payment_budget}
    row["deleted_on"] = owner.deleted_on.toordinal() if owner.deleted_on else None
    return row


def _owner(row: Any) -> Owner:
    return Owner(
        tenant=row.tenant,
        workspace=row.workspace,
        project=row.project,
        payment_method=row.payment_method,
        landing_zone=row.landing_zone,
        budget=row.budget,
        payment_budget=row.payment_budget,
        deleted_on=date.fromordinal(row.deleted_on) if row.deleted_on else None,
    )


def _payment_method(desired: Desired) -> str | None:
    given = desired.payment_method
    return given.identifier if isinstance(given, PaymentMethod) else given


def _noted(database: Database, platform: str) -> datetime | None:
    with database.reading() as connection:
        query = select(told.c.at).where(told.c.platform == platform, told.c.subject == NOTED)
        found = connection.execute(query).scalar()
    return None if found is None else datetime.fromisoformat(found)
