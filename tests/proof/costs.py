"""Collects the costs of the made-up organization calmly and killed, into SQLite and PostgreSQL, and compares."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from math import ceil
from pathlib import Path

from sqlalchemy import func, insert, select, update

from tasks.metering.database import Database
from tasks.metering.documents import UsageReport
from tasks.metering.export import as_csv, as_json
from tasks.metering.ledger import Collection, Ledger, State
from tasks.metering.months import Month
from tasks.metering.owners import Owner
from tasks.metering.parquet import as_parquet
from tasks.metering.plan import Plan
from tasks.metering.reading import Wanted, statements, stream
from tasks.metering.tables import account_days, collections, commitments, costs, ownerships, seen_products
from tests.proof.organization import Size, Totals, account, own_totals
from tests.support.nursery import nursery
from workers.sandbox.client import SimulatorClient

PLATFORM = "aws.sandbox"
LEASE = timedelta(milliseconds=20)  # a dead worker holds a collection for twelve of them
MOST_FUTILE = 100  # processes that die, or end, without having got further
SECONDS = 600  # that a process may take
COMMITMENT_PAGES = 2  # of each month: reserved instances, savings plans


@dataclass(frozen=True)
class Proof:
    """What was found."""

    months: int
    rows: int
    pages: int  # of the calm collection
    fewest: int  # that could hold the rows
    kills: int
    reports: int
    bytes: int  # of all exports


@dataclass(frozen=True)
class Collector:
    """Collects into one database, by processes of its own."""

    simulator: SimulatorClient
    environment: dict[str, str]
    database: Database
    log: Path

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.database, LEASE)

    def collect(self, month: Month, *, killed: bool) -> tuple[Collection, int]:
        """Collect a month to its end; answers how many processes died over it."""
        now = datetime.now(UTC)
        begun = self.ledger.begin(PLATFORM, month, now, whole=True, asked_by="proof")
        deaths = futile = 0
        before = begun
        while before.state is State.RUNNING:
            # 6: an answer came and was not kept. 7: a page was kept. 8: the next one is counted. More, to get further.
            self._run(6 + deaths % 3 + 4 * futile if killed else 0)
            after = self.ledger.find(begun.id)
            assert after is not None
            deaths += killed and after.state is State.RUNNING
            where = [(each.stage, each.part, each.pages) for each in (before, after)]
            futile = futile + 1 if where[0] == where[1] else 0
            assert futile < MOST_FUTILE, (after, self.log.read_text())
            before = after
        return before, deaths

    def _run(self, die_after: int) -> None:
        command = ["tests.proof.collecting", str(die_after)]
        child = nursery().start(command, {**os.environ, **self.environment}, Path.cwd(), self.log)
        code = child.wait(SECONDS)
        assert code in (0, -signal.SIGKILL), self.log.read_text()

    def skip_what_is_due(self) -> None:
        """Let the months that every round begins look as if they had just failed."""
        now = datetime.now(UTC)
        current = Month.of(now.date())
        for month in (current, current.before):
            self.ledger.begin(PLATFORM, month, now, whole=False, asked_by=None)
        with self.database.writing() as connection:
            connection.execute(update(collections).values(state=State.FAILED))

    def give_owners(self, size: Size) -> None:
        """Let two accounts of three have tenants, of which some change their payment method in every month."""
        rows = []
        for number in range(size.accounts):
            if number % 3 == 2:
                continue
            tenant = f"w{number % 40}.p{number}.{PLATFORM}"
            owner = Owner(tenant, f"w{number % 40}", f"p{number}", "main", "development")
            changes = [month.first + timedelta(days=14) for month in size.closed] if number % 30 == 0 else []
            for count, day in enumerate((datetime(2020, 1, 1, tzinfo=UTC).date(), *changes)):
                row = {name: getattr(owner, name) for name in ("tenant", "workspace", "project", "landing_zone")}
                own = {"platform": PLATFORM, "account": account(number), "since": day.toordinal()}
                rows.append({**own, **row, "payment_method": f"method{count}"})
        with self.database.writing() as connection:
            connection.execute(insert(ownerships), rows)


def prove(size: Size, calm: Collector, killed: Collector, server: Collector) -> Proof:
    """Collect every month three times, and compare; raises AssertionError.

    calm     nobody dies; in SQLite, as `killed`
    server   nobody dies; in PostgreSQL
    """
    found = Proof(0, 0, 0, 0, 0, 0, 0)
    for each in (calm, killed, server):
        each.skip_what_is_due()
        each.give_owners(size)
    for number, month in enumerate(size.closed):
        done, _ = calm.collect(month, killed=False)
        fewest = _fewest(calm.database, done, size)
        reports = list(stream(calm.database, Wanted(month)))
        _adds_up(reports, own_totals(calm.simulator, month), calm.database, month)
        exports = [*_exports(calm.database, month)]
        again, deaths = killed.collect(month, killed=number < size.killed_months)
        assert again.rows >= done.rows
        server.collect(month, killed=False)
        for other in (killed, server):
            assert [*_exports(other.database, month)] == exports, (month, other.log)
        found = Proof(
            found.months + 1,
            found.rows + done.rows,
            found.pages + done.pages,
            found.fewest + fewest,
            found.kills + deaths,
            found.reports + len(reports),
            found.bytes + sum(map(len, exports)),
        )
    return found


def _fewest(database: Database, done: Collection, size: Size) -> int:
    """Return how many pages hold the rows at least; ours may have one more for each further question, not full."""
    with database.reading() as connection:
        totals, products, lines, bought = (
            connection.execute(select(func.count()).where(table.c.collection == done.id)).scalar_one()
            for table in (account_days, seen_products, costs, commitments)
        )
    parts = len(Plan.load(done.plan).parts)
    pages = [ceil(rows / size.page_rows) for rows in (totals, products, lines)]
    assert bought == 0 or bought <= size.page_rows
    fewest = sum(pages) + (COMMITMENT_PAGES if bought else 0)
    assert fewest <= done.pages <= fewest + parts - 1, (done, fewest, parts)
    return fewest


def _adds_up(reports: list[UsageReport], wanted: Totals, database: Database, month: Month) -> None:
    """Compare all lines with AWS's own totals, exactly; and what payment methods are charged with all lines."""
    found: Totals = {}
    lines: dict[str, Decimal] = {}
    for report in reports:
        for item in report.line_items:
            net = item.net_amount
            lines[net.currency] = lines.get(net.currency, Decimal(0)) + Decimal(net.amount)
            if item.kind in ("USAGE", "DIFFERENCE"):
                key = report.account_id, net.base_currency
                found[key] = found.get(key, Decimal(0)) + Decimal(net.base_amount)
            assert item.kind != "DIFFERENCE", item  # nobody changed anything meanwhile
    assert found == wanted
    charged: dict[str, Decimal] = {}
    for statement in statements(database, Wanted(month)):
        exact = Decimal(statement.amount) - Decimal(statement.rounding)
        charged[statement.currency] = charged.get(statement.currency, Decimal(0)) + exact
        assert abs(Decimal(statement.rounding)) <= Decimal("0.005")
    assert charged == lines


def _exports(database: Database, month: Month) -> Iterator[bytes]:
    """Yield the three files; the moments at which reports were made are no part of their content."""
    moment = datetime(2026, 1, 1, tzinfo=UTC)

    def reports() -> Iterator[UsageReport]:
        for report in stream(database, Wanted(month)):
            yield report.model_copy(update={"changed_at": moment})

    yield "".join(as_csv(reports())).encode()
    yield "".join(as_json(reports())).encode()
    yield b"".join(as_parquet(reports()))
