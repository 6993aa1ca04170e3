"""What the API asks of costs: collections are begun and shown, reports are read. It never calls AWS."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime

from celery import Celery

from config.celery import celery_settings
from config.schedule import COLLECT, EVERY
from config.settings import Settings
from tasks.connector import Connector
from tasks.metering import reading, views
from tasks.metering.database import open_database
from tasks.metering.documents import (
    BudgetRow,
    CollectionDocument,
    CollectionsDocument,
    CostView,
    Forecast,
    IdleTenant,
    Spending,
    Statement,
    UnreadableBudget,
    UsageReport,
)
from tasks.metering.ledger import Collection, Ledger, dollars
from tasks.metering.months import Month
from tasks.metering.payers import kept_under
from tasks.metering.reading import Wanted
from tasks.metering.wanted import collecting, collecting_platform, is_whole, wanted_month


class Desk:
    """One process's view of the metering database. Methods raise DatabaseAway."""

    def __init__(self, connector: Connector) -> None:
        self._connector = connector
        self._ledger = Ledger(open_database(connector.settings), connector.settings.lease)

    def collect(self, platform: str, month: str | None, asked_by: str | None) -> CollectionDocument:
        """Begin a collection, or name the one that runs, and tell a worker. Raises NoMetering, NoSuchMonth."""
        now = datetime.now(UTC)
        wanted = wanted_month(month, now)
        known = kept_under(self._ledger.database)
        name = collecting_platform(self._connector.catalog, platform, known).identifier
        begun = self._ledger.begin(name, wanted, now, whole=is_whole(wanted, now), asked_by=asked_by)
        hint(self._connector.settings)
        return _shown(begun)

    def collection(self, identifier: int) -> CollectionDocument | None:
        """Show a collection; None: there is none."""
        found = self._ledger.find(identifier)
        return None if found is None else _shown(found)

    def collections(self, platform: str | None, most: int) -> CollectionsDocument:
        """Show the newest collections, and what was spent today."""
        limit = f"{self._connector.settings.metering_dollars_per_day:.2f}"
        today = datetime.now(UTC).date()
        spent = [
            Spending(platform=each, dollars=f"{dollars(self._ledger.spent(each, today)):.2f}", limit=limit)
            for each in self._platforms()
            if platform in (None, each)
        ]
        return CollectionsDocument(collections=list(map(_shown, self._ledger.listed(platform, most))), today=spent)

    def reports(self, wanted: Wanted, number: int, size: int) -> tuple[list[UsageReport], int]:
        """Return one page of reports, and how many there are."""
        database = self._ledger.database
        return reading.page(database, wanted, number, size), reading.count(database, wanted)

    def report(self, wanted: Wanted, part: int) -> UsageReport | None:
        """Return one report; None: there is none."""
        return next((each for each in reading.stream(self._ledger.database, wanted) if each.part == part), None)

    def export(self, wanted: Wanted) -> Iterator[UsageReport]:
        """Yield reports."""
        yield from reading.stream(self._ledger.database, wanted)

    def statements(self, wanted: Wanted) -> list[Statement]:
        """Return what payment methods are charged."""
        return reading.statements(self._ledger.database, wanted)

    def view(self, wanted: Wanted, by: str, order: str = "amount", most: int = 200) -> CostView:
        """Return costs by one kind of thing."""
        prices, today, kind, first = self._connector.catalog.prices, _today(), views.By(by), views.Order(order)
        with self._ledger.database.reading() as connection:
            return views.view(connection, wanted, kind, prices, today, self._platforms(), first, most)

    def forecasts(self, wanted: Wanted) -> list[Forecast]:
        """Return what the open month costs to date, and probably in the end."""
        with self._ledger.database.reading() as connection:
            return views.forecasts(connection, wanted, self._connector.catalog.prices, _today(), self._platforms())

    def idle(self, wanted: Wanted) -> list[IdleTenant]:
        """Return tenants whose accounts have cost nothing for 30 days."""
        with self._ledger.database.reading() as connection:
            return views.idle_tenants(connection, wanted, _today(), self._platforms())

    def budgets(self, month: Month, workspace: str | None = None) -> list[BudgetRow]:
        """Return budgets of projects and payment methods, those of which most is used first."""
        with self._ledger.database.reading() as connection:
            return views.budget_rows(connection, month, self._connector.catalog.prices, workspace)

    def unreadable_budgets(self, workspace: str | None = None) -> list[UnreadableBudget]:
        """Return what should be budgets and cannot be read."""
        with self._ledger.database.reading() as connection:
            return views.unreadable_budgets(connection, workspace)

    def _platforms(self) -> list[str]:
        known = kept_under(self._ledger.database)
        return [each.identifier for each in collecting(self._connector.catalog, known)]


def _today() -> date:
    return datetime.now(UTC).date()


def month_of(text: str | None) -> Month:
    """Read the month whose reports are wanted, by default the current one; any month may have reports."""
    return Month.of(datetime.now(UTC).date()) if text is None else Month.parse(text)


def hint(settings: Settings) -> None:
    """Tell a worker that there is something to collect; if nobody hears it, beat does."""
    with Celery("metering", set_as_current=False) as app:
        app.conf.update(celery_settings(settings))
        app.send_task(COLLECT, expires=EVERY[COLLECT].total_seconds())


def _shown(collection: Collection) -> CollectionDocument:
    return CollectionDocument(
        id=collection.id,
        platform=collection.platform,
        month=str(collection.month),
        state=collection.state,
        stage=collection.stage,
        final=collection.is_final,
        pages=collection.pages,
        dollars=f"{dollars(collection.asked):.2f}",
        rows=collection.rows,
        note=collection.note,
        asked_by=collection.asked_by,
        started_at=collection.started_at,
        ended_at=collection.ended_at,
    )
