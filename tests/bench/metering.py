"""A month of a very large organization: `python -m tests.bench.metering` collects it and makes its reports.

AWS is a generator in this process, so that what is measured is ours: pages are kept, reports are made and exported.
Memory is that of the whole process, at its highest.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import chain, islice
from pathlib import Path
from time import monotonic
from types import SimpleNamespace
from typing import cast

from config.platform import CredentialAuth, Metering
from config.prices import Prices
from tasks.aws import Aws
from tasks.aws.cost_explorer import CostGroup, CostPage, Dimension, Question
from tasks.metering import views
from tasks.metering.collection import Collector
from tasks.metering.database import Database
from tasks.metering.export import as_csv
from tasks.metering.ledger import Ledger, State
from tasks.metering.months import Month
from tasks.metering.reading import Wanted, stream
from tasks.metering.reporting import Reporter
from tests.tasks.steps.world import PLATFORM
from workers.sandbox import organization

MONTH = Month(date(2026, 10, 1))
NOW = datetime(2026, 12, 1, tzinfo=UTC)
PAGE_ROWS = 5000
SERVICES = 60
LAST = timedelta(days=1)  # of the month: it is open then, and has a forecast


@dataclass(frozen=True)
class MonthOfCosts:
    """What a month took: seconds, and the memory of the whole process at its highest."""

    asked: str
    collected: float
    reported: float
    exported: float
    shown: float  # the slowest view: by account, by service and so on, with the forecast
    export_bytes: int
    megabytes: float


@dataclass
class EndlessCosts:
    """Answers as Cost Explorer does, without holding anything."""

    accounts: int
    lines: int
    pages: int = 0
    request_id: str | None = None
    _open: dict[str, Iterator[CostGroup]] = field(default_factory=dict)

    def costs(self, question: Question, token: str | None = None) -> CostPage:
        """Answer the next page."""
        rows = self._rows(question) if token is None else self._open.pop(token)
        page = tuple(islice(rows, PAGE_ROWS))
        self.pages += 1
        more = next(rows, None)
        if more is None:
            return CostPage(page, None, estimated=False, account_names={})
        self._open[str(self.pages)] = chain((more,), rows)
        return CostPage(page, str(self.pages), estimated=False, account_names={})

    def _rows(self, question: Question) -> Iterator[CostGroup]:
        if Dimension.SERVICE in question.groups:
            products = range(max(SERVICES, self.lines) * 2)
            return (self._group(MONTH.first, (f"Service {each % SERVICES}", f"type-{each}"), 1) for each in products)
        days = [day for day in MONTH.days() if question.start <= day < question.end]
        if len(question.groups) == 1:
            return (self._group(day, (name,), self._total(day)) for day in days for name in self._accounts())
        return self._costs(days)

    def _accounts(self) -> Iterator[str]:
        return (f"{100_000_000_000 + number}" for number in range(self.accounts))

    def _costs(self, days: list[date]) -> Iterator[CostGroup]:
        names = [f"type-{each}" for each in range(max(SERVICES, self.lines) * 2)]
        for day in days:
            for number, account in enumerate(self._accounts()):
                for line in range(self.lines):
                    yield self._group(day, (account, names[(number + line) % len(names)]), self._amount(day, line))

    def _amount(self, day: date, line: int) -> int:
        return 1_000_000_007 * (line + 1) + day.day

    def _total(self, day: date) -> int:
        return sum(self._amount(day, line) for line in range(self.lines))

    def _group(self, day: date, keys: tuple[str, ...], amount: int) -> CostGroup:
        worth = Decimal(amount).scaleb(-10)
        return CostGroup(day, keys, worth, "USD", worth, "Hrs")


def measure(accounts: int, lines: int, url: str) -> MonthOfCosts:
    """Collect a month, make its reports and export them."""
    costs, began = EndlessCosts(accounts, lines), monotonic()
    database = Database(url)
    ledger = Ledger(database, timedelta(seconds=15))
    done = _collect(ledger, costs)
    collected = monotonic() - began
    began = monotonic()
    Reporter(database, Prices(), done.collection, NOW).make(lambda _: None)
    again = monotonic() - began
    began = monotonic()
    size = sum(map(len, as_csv(stream(database, Wanted(MONTH)))))
    exported = monotonic() - began
    shown = max(_seconds_to_show(database, by) for by in views.By)
    database.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    rows = accounts * lines * MONTH.length / 1e6
    asked = f"{accounts:,} accounts, {lines} lines a day, {rows:.1f} million rows in {costs.pages} pages"
    return MonthOfCosts(asked, collected, again, exported, shown, size, peak)


def _seconds_to_show(database: Database, by: views.By) -> float:
    began = monotonic()
    with database.reading() as connection:
        found = views.view(connection, Wanted(MONTH), by, Prices(), MONTH.end - LAST, [PLATFORM.identifier])
    assert found.rows
    return monotonic() - began


def in_a_process(url: str | None = None) -> MonthOfCosts:
    """Measure in a process of its own, of which nothing else fills the memory.

    url  of a PostgreSQL database; None: a file of SQLite
    """
    command = [sys.executable, "-m", "tests.bench.metering", *(("--url", url) if url else ())]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return MonthOfCosts(**json.loads(output))


def _collect(ledger: Ledger, costs: EndlessCosts) -> Collector:
    auth = CredentialAuth.model_validate({"access_key": "x", "secret_key": "x"})
    metering = Metering(management_role_arn=organization.METERING_ROLE_ARN, auth=auth)
    begun = ledger.begin(PLATFORM.identifier, MONTH, NOW, whole=True, asked_by=None)
    held = ledger.take(begun, "bench", NOW)
    assert held is not None
    collector = Collector(
        platform=PLATFORM.model_copy(update={"metering": metering}),
        aws=cast("Aws", SimpleNamespace(cost_explorer=costs)),
        ledger=ledger,
        collection=held,
        holder="bench",
        most_pages=1_000_000,
        make_reports=lambda done, renew: Reporter(ledger.database, Prices(), done, NOW).make(renew),
        now=lambda: NOW,
    )
    collector.run(NOW + timedelta(days=1))
    assert collector.collection.state is State.DONE
    return collector


def main() -> None:
    """Measure, and print what was found as JSON."""
    parser = argparse.ArgumentParser(description="Measure how a month's costs are collected and reported.")
    parser.add_argument("--accounts", type=int, default=10_000)
    parser.add_argument("--lines", type=int, default=30)
    parser.add_argument("--url", default=None, help="of a PostgreSQL database; default: SQLite in a temporary folder")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = arguments.url or f"sqlite:///{Path(folder) / 'costs.sqlite'}"
        print(json.dumps(asdict(measure(arguments.accounts, arguments.lines, url))))


if __name__ == "__main__":
    main()
