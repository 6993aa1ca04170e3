"""Reads one month of one platform, page by page. It may be killed at any of them, and goes on where it was.

    TOTALS     what every account costs on every day. Days of which AWS says what it said last time are not read again
    PRODUCTS   which usage types each service has, so that `plan.py` can ask in the fewest pages
    RESERVED_INSTANCES, SAVINGS_PLANS   what was bought, where the platform wants fair chargeback
    COSTS      the questions of the plan
    REPORTS    the days become live, and the reports are made anew

A page is counted before it is asked for, and kept in one transaction with how far the collection is: what is asked for
twice is there once. Where AWS forgets its token, the question is asked again from the last day that it had told of. If
it has made its bill anew meanwhile, its totals are asked for once more in the end, and the days that differ are read
again (`anew.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import TypeVar

import structlog
from sqlalchemy import Connection, delete, select, union

from config.platform import Metering, Platform
from tasks.aws import Aws
from tasks.aws.cost_explorer import (
    BILL_EXPIRED,
    NO_DATA,
    RESERVABLE,
    TOKEN_LOST,
    CommitmentPage,
    CostPage,
    Dimension,
    Granularity,
    Question,
)
from tasks.errors import NotReady, StepError, Unanswered
from tasks.metering import anew
from tasks.metering.known import asked_service, must_tell
from tasks.metering.ledger import DISORDERED, Collection, Ledger, Stage, State, earlier, forget, step
from tasks.metering.months import Month
from tasks.metering.pages import (
    Lines,
    Numbers,
    digests,
    keep_commitments,
    keep_costs,
    keep_products,
    keep_totals,
)
from tasks.metering.plan import Plan, bridged, names, plan
from tasks.metering.tables import account_days, accounts, costs, live_days, products, seen_products
from tasks.metering.upserts import put

Page = TypeVar("Page", CostPage, CommitmentPage)
log = structlog.get_logger(__name__)


class DollarsSpent(Exception):
    """No more pages may be asked for today."""


class _AskAnew(Exception):
    """The question must be asked from its beginning."""

    def __init__(self, *, remade: bool) -> None:
        super().__init__()
        self.remade = remade  # AWS has made its bill anew


@dataclass
class Collector:
    """One worker's run of one collection, which it holds."""

    platform: Platform
    aws: Aws
    ledger: Ledger
    collection: Collection
    holder: str
    most_pages: int  # a day
    make_reports: Callable[[Collection, Callable[[Connection], None]], str | None]
    """Is given what renews our hold, and answers what people should know of the reports."""
    now: Callable[[], datetime]
    numbers: Numbers = field(default_factory=Numbers)
    _names: Mapping[str, str] | None = None  # what the groups of the part that is asked do not name
    _read: tuple[str, Plan] = ("", Plan())  # the plan, and the text that it was read from

    def run(self, until: datetime) -> None:
        """Go on until the collection has ended, or it is late.

        Raises StepError, DollarsSpent, LostCollection, DatabaseAway.
        """
        stages = {
            Stage.TOTALS: self._totals,
            Stage.PRODUCTS: self._products,
            Stage.RESERVED_INSTANCES: self._reserved_instances,
            Stage.SAVINGS_PLANS: self._savings_plans,
            Stage.COSTS: self._costs,
            Stage.REPORTS: self._reports,
        }
        while self.collection.state is State.RUNNING and self.now() < until:
            try:
                stages[self.collection.stage]()
            except _AskAnew as lost:
                self._begin_anew(remade=lost.remade)

    @property
    def month(self) -> Month:
        """The month that is read."""
        return self.collection.month

    @property
    def metering(self) -> Metering:
        """How costs are read on this platform."""
        assert self.platform.metering is not None
        return self.platform.metering

    @property
    def _plan(self) -> Plan:
        """What this collection asks."""
        if self._read[0] != self.collection.plan:
            self._read = self.collection.plan, Plan.load(self.collection.plan)
        return self._read[1]

    def _totals(self) -> None:
        asked = self._asked((Dimension.ACCOUNT,))
        page = self._page(lambda token: self.aws.cost_explorer.costs(asked, token))
        with self.ledger.database.writing() as connection:
            rows = 0
            if page is not None:
                named = {group.keys[0]: page.account_names.get(group.keys[0], "") for group in page.groups}
                self.numbers.meet_accounts(connection, named)
                rows = keep_totals(connection, self.collection.id, self.numbers, page.groups)
            if page is not None and page.next_token:
                self._advance(connection, rows, page, token=page.next_token)
                return
            wanted = self._changed(connection)
            following = Stage.PRODUCTS if wanted.days else self._after(Stage.PRODUCTS)
            if wanted.before is not None and not wanted.days:
                following = Stage.REPORTS
            self._advance(connection, rows, page, token=None, stage=following, plan=wanted.dump())

    def _changed(self, connection: Connection) -> Plan:
        """Return the days that are to be read: those of which AWS does not say what it said last time."""
        new = digests(connection, self.collection.id, self.month)
        if self._plan.before is not None:
            return anew.differing(connection, self.collection.id, self._plan, new)
        query = select(live_days.c.day, live_days.c.digest).where(
            live_days.c.platform == self.platform.identifier,
            live_days.c.day.between(self.month.first.toordinal(), self.month.end.toordinal() - 1),
        )
        old = {date.fromordinal(row.day): row.digest for row in connection.execute(query)}
        known = new.keys() | old.keys()
        changed = {day for day in known if new.get(day, "") != old.get(day)}
        if known and (self.collection.whole or changed == known):
            return Plan(tuple(self.month.days()), whole=True)
        return Plan(bridged(changed, known))

    def _products(self) -> None:
        asked = self._asked((Dimension.SERVICE, Dimension.USAGE_TYPE), Granularity.MONTHLY)
        page = self._page(lambda token: self.aws.cost_explorer.costs(asked, token))
        with self.ledger.database.writing() as connection:
            rows = 0 if page is None else keep_products(connection, self.collection.id, page.groups)
            if page is not None and page.next_token:
                self._advance(connection, rows, page, token=page.next_token)
                return
            named = select(accounts.c.account).where(
                accounts.c.number.in_(
                    select(account_days.c.account).where(account_days.c.collection == self.collection.id)
                )
            )
            made = plan(self._plan.days, self._seen(connection), set(connection.execute(named).scalars()))
            wanted = replace(self._plan, parts=made.parts)
            following = self._after(Stage.PRODUCTS)
            self._advance(connection, rows, page, token=None, stage=following, plan=wanted.dump())

    def _seen(self, connection: Connection) -> list[tuple[str, str]]:
        query = select(seen_products.c.service, seen_products.c.usage_type)
        found = connection.execute(query.where(seen_products.c.collection == self.collection.id))
        return sorted((row.service, row.usage_type) for row in found)

    def _reserved_instances(self) -> None:
        """Ask of one service after the other, where it has costs: AWS tells of one at a time."""
        services, service = list(RESERVABLE), asked_service(self.collection)
        end = min(self.month.end, self.now().date())  # AWS tells of days that are over

        def ask(token: str | None) -> CommitmentPage:
            return self.aws.cost_explorer.reserved_instances(service, self.month.first, end, token)

        with self.ledger.database.reading() as connection:
            others = (services.index(each) for each in self._reservable(connection))
            following = min((each for each in others if each > self.collection.part), default=None)
        self._commitments(service, end, ask, following)

    def _savings_plans(self) -> None:
        end = min(self.month.end, self.now().date() - timedelta(days=1))  # AWS wants it before today

        def ask(token: str | None) -> CommitmentPage:
            return self.aws.cost_explorer.savings_plans(self.month.first, end, token)

        self._commitments("", end, ask, None)

    def _commitments(
        self, service: str, end: date, ask: Callable[[str | None], CommitmentPage], following: int | None
    ) -> None:
        """Keep a page of commitments; `following` is the service to ask of next, by its number."""
        stage = self.collection.stage
        page = self._page(ask) if end > self.month.first else None
        with self.ledger.database.writing() as connection:
            rows, token = 0, None
            if page is not None:
                self.numbers.meet_accounts(connection, {each.account: "" for each in page.commitments})
                kind = stage, service
                rows = keep_commitments(connection, self.collection.id, kind, self.numbers, page.commitments)
                token = page.next_token
            if token:
                self._advance(connection, rows, page, token=token)
            elif following is not None:
                self._advance(connection, rows, page, token=None, part=following)
            else:
                self._advance(connection, rows, page, token=None, part=0, stage=self._after(stage))

    def _reservable(self, connection: Connection) -> set[str]:
        """Return the services with costs, in this month or ever before, that may have reserved instances."""
        named = {name: service for service, names_of in RESERVABLE.items() for name in names_of}
        own = select(seen_products.c.service).where(seen_products.c.collection == self.collection.id)
        query = union(
            own.where(seen_products.c.service.in_(named)),
            select(products.c.service).where(products.c.service.in_(named)),
        )
        return {named[service] for service in connection.execute(query).scalars()}

    def _costs(self) -> None:
        collection = self.collection
        if collection.part >= len(self._plan.parts):
            self._all_read()
            return
        part = self._plan.parts[collection.part]
        start = date.fromordinal(collection.asked_from) if collection.asked_from else part.start
        question = part.question(start, without_tax=self.metering.filter != "NONE")
        page = self._page(lambda token: self.aws.cost_explorer.costs(question, token))
        with self.ledger.database.writing() as connection:
            if self._names is None:
                self._names = names(part, self._seen(connection))
            rows = 0
            if page is not None:
                lines = Lines(part, self._names, self.month)
                self.numbers.meet_accounts(connection, {lines.account(group): "" for group in page.groups})
                self.numbers.meet_products(connection, map(lines.product, page.groups))
                rows = keep_costs(connection, collection.id, self.numbers, lines, page.groups)
            if page is not None and page.next_token:
                begins = None if collection.token else question.start
                resume = _resume_day(collection.resume_day, page, begins)
                self._advance(connection, rows, page, token=page.next_token, resume_day=resume)
            else:
                following = collection.part + 1
                self._advance(connection, rows, page, token=None, resume_day=None, asked_from=None, part=following)
                self._names = None

    def _all_read(self) -> None:
        """Go on with the reports; if AWS has made its bill anew, look first at what it tells now."""
        following = Stage.TOTALS if self._plan.remade else Stage.REPORTS
        with self.ledger.database.writing() as connection:
            wanted = self._plan
            if wanted.remade:
                wanted = anew.looking_again(connection, self.collection.id, self.month, wanted)
            self.collection = self._step(connection, stage=following, part=0, plan=wanted.dump())

    def _reports(self) -> None:
        """Let readers see the new days, then make the reports. Both may be done again."""
        with self.ledger.database.reading() as connection:
            new = digests(connection, self.collection.id, self.month)
        for day in sorted({*self._plan.also, *self._plan.days}):
            with self.ledger.database.writing() as connection:
                self._publish(connection, day, new.get(day, ""))
        note = self.make_reports(self.collection, self._renew)
        with self.ledger.database.writing() as connection:
            self.collection = self._step(connection, state=State.DONE, ended_at=self.now().isoformat(), note=note)
            forget(connection, earlier(connection, self.collection))

    def _renew(self, connection: Connection) -> None:
        """Hold the collection for longer; raises LostCollection."""
        self.collection = self._step(connection)

    def _publish(self, connection: Connection, day: date, digest: str) -> None:
        self.collection = self._step(connection)
        platform, number = self.platform.identifier, day.toordinal()
        query = select(live_days.c.collection).where(live_days.c.platform == platform, live_days.c.day == number)
        before = connection.execute(query).scalar()
        mine = {"platform": platform, "day": number, "collection": self.collection.id, "digest": digest}
        put(connection, live_days, [mine])
        if before is not None and before != self.collection.id:
            if not self._plan.whole:
                anew.carry_over(connection, before, self.collection.id, number, self.month)
            connection.execute(delete(costs).where(costs.c.collection == before, costs.c.day == number))

    def _asked(self, groups: tuple[Dimension, ...], granularity: Granularity = Granularity.DAILY) -> Question:
        """Ask for the whole month; AWS lets the end of the current one lie ahead."""
        without_tax = self.metering.filter != "NONE"
        return Question(self.month.first, self.month.end, groups, granularity, without_tax=without_tax)

    def _after(self, stage: Stage) -> Stage:
        """Return the next stage that there is something to ask in."""
        wanted = {
            Stage.RESERVED_INSTANCES: self.metering.reserved_instance_fair_chargeback,
            Stage.SAVINGS_PLANS: self.metering.savings_plan_fair_chargeback,
        }
        order = list(Stage)
        return next(each for each in order[order.index(stage) + 1 :] if wanted.get(each, True))

    def _page(self, ask: Callable[[str | None], Page]) -> Page | None:
        """Ask for a page; None: AWS has nothing to tell. Raises _AskAnew when it has forgotten its token."""
        today = self.now().date()
        if not self.ledger.spend(self.collection, today, self.most_pages):
            raise DollarsSpent
        try:
            return ask(self.collection.token)
        except StepError as error:
            if not isinstance(error, Unanswered):  # nobody knows whether AWS charges for an answer that was lost
                self.ledger.refund(self.collection, today)
            remade = error.code == BILL_EXPIRED
            if error.code in TOKEN_LOST and self.collection.token is not None:
                raise _AskAnew(remade=remade) from error
            if error.code in TOKEN_LOST and self.collection.pages:  # AWS has told of this month a moment ago
                self._begin_anew(remade=remade)
                raise NotReady(error.code, error.message, error.request_id) from error
            if error.code in NO_DATA:
                self._believe(error)
                return None
            raise

    def _believe(self, no_data: StepError) -> None:
        """Raise NotReady where AWS must have something to tell."""
        with self.ledger.database.reading() as connection:
            looks_again = self._plan.before is not None and self.collection.stage is Stage.TOTALS
            if looks_again or must_tell(connection, self.collection, self.now()):
                raise NotReady(no_data.code, no_data.message, no_data.request_id) from no_data

    def _begin_anew(self, *, remade: bool) -> None:
        """Forget AWS's token, and what the part has beyond the last day that it told of."""
        log.info("AWS has forgotten its token", collection=self.collection.id, stage=self.collection.stage)
        with self.ledger.database.writing() as connection:
            wanted, resume = anew.beginning(connection, self.collection, self._plan, self._seen(connection))
            if remade and self.collection.stage is not Stage.TOTALS:
                wanted = replace(wanted, remade=True)
            changes = {"token": None, "resume_day": resume, "asked_from": resume, "plan": wanted.dump()}
            self.collection = self._step(connection, **changes)

    def _advance(
        self, connection: Connection, rows: int, page: CostPage | CommitmentPage | None, **changes: object
    ) -> None:
        """Note a page with what it held."""
        estimated = isinstance(page, CostPage) and page.estimated
        self.collection = self._step(
            connection,
            pages=self.collection.pages + (page is not None),
            rows_kept=self.collection.rows + rows,
            estimated=int(self.collection.estimated or estimated),
            failures=0,
            note=None,
            **changes,
        )

    def _step(self, connection: Connection, **changes: object) -> Collection:
        return step(connection, self.collection, self.holder, self.now() + self.ledger.held, **changes)


def _resume_day(before: int | None, page: CostPage, begins: date | None) -> int:
    """Return the last day that AWS has told of, as long as it tells of them one after the other.

    begins   the day with which the first page of a question must begin; None: it is another page
    """
    days = [group.day.toordinal() for group in page.groups]
    if begins is not None and days[:1] != [begins.toordinal()]:
        return DISORDERED  # it may tell of the last day first
    if before == DISORDERED or days != sorted(days) or (before is not None and days and days[0] < before):
        return DISORDERED
    return days[-1] if days else before or DISORDERED
