"""Which months are collected when, and who goes on with which collection: what beat and people start.

A round begins what is due, then goes on with what is begun, for a bounded time: a message of Celery's must not run for
long. What is left is told by the answer, and another message goes on with it. Two rounds at once do no harm: a
collection is held by one worker, and one whose worker has died is taken up by the next round.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_DOWN
from enum import Enum
from functools import partial
from uuid import uuid4

import structlog
from sqlalchemy import update

from config.platform import Platform
from tasks.aws import Aws
from tasks.errors import PermanentError, StepError
from tasks.metering.collection import Collector, DollarsSpent
from tasks.metering.database import open_database
from tasks.metering.errors import DatabaseAway, LostCollection
from tasks.metering.exact import CENT
from tasks.metering.ledger import Collection, Ledger, State, dollars
from tasks.metering.months import Month
from tasks.metering.owners import note_owners
from tasks.metering.reporting import Reporter
from tasks.metering.retention import tidy
from tasks.metering.tables import collections
from tasks.metering.wanted import collecting, is_told, is_whole
from tasks.metering.watch import warn
from tasks.metrics.counters import Metering
from tasks.state.counts import COST_PAGES
from tasks.state.masking import masked_error
from tasks.worker import Worker

ROUND = timedelta(seconds=120)  # a page takes seconds; the broker hands a message on after 300 s
DEFECTS = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)  # of ours: they stop one platform only
log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Round:
    """What a round has done."""

    begun: int
    ended: int
    left: int  # that can go on at once

    def __str__(self) -> str:
        return f"{self.begun} collections started, {self.ended} finished, {self.left} to continue"


def collect(
    worker: Worker, now: Callable[[], datetime] = lambda: datetime.now(UTC), longest: timedelta = ROUND
) -> Round:
    """Begin what is due and go on with what is begun; never raises for one platform what would stop the others."""
    platforms = collecting(worker.catalog)
    if not platforms:
        return Round(0, 0, 0)
    ledger, until = Ledger(open_database(worker.settings), worker.settings.lease), now() + longest
    try:
        begun = sum(_begin_due(worker, ledger, platform, now()) for platform in platforms)
        known = {platform.identifier: platform for platform in platforms}
        ended = left = 0
        for collection in ledger.running():
            if collection.platform in known:
                came = _go_on(worker, ledger, known[collection.platform], collection, now, until)
                ended, left = ended + (came is _Came.ENDED), left + (came is _Came.LATE)
    except DatabaseAway as away:
        log.warning("costs cannot be kept", error=str(away))
        return Round(0, 0, 0)
    return Round(begun, ended, left)


class _Came(Enum):
    """How far a run of a collection came."""

    ENDED = "ended"
    LATE = "late"  # the round is over
    WAITING = "waiting"  # for AWS, for the next day, for another worker


def _begin_due(worker: Worker, ledger: Ledger, platform: Platform, now: datetime) -> int:
    """Note who owns what, and begin the months that are due."""
    note_owners(worker, ledger.database, platform.identifier, now)
    months = list(due(ledger, platform.identifier, worker.settings.metering_interval, now))
    for month in months:
        ledger.begin(platform.identifier, month, now, whole=is_whole(month, now), asked_by=None)
    return len(months)


def due(ledger: Ledger, platform: str, interval: timedelta, now: datetime) -> Iterator[Month]:
    """Yield the months to collect: the open one, and those before until they were read after AWS had closed them.

    Of a time in which nothing was collected, AWS tells later as well.
    """
    current = Month.of(now.date())
    unfinished = (each for each in ledger.unfinished(platform) if is_told(each, now.date()))
    for month in sorted({current, current.before, *unfinished}):
        last, done = ledger.newest(platform, month), ledger.newest(platform, month, State.DONE)
        if last is not None and (last.state is State.RUNNING or now - last.started_at < interval):
            continue
        if done is None or not done.is_final:
            yield month


def _go_on(
    worker: Worker,
    ledger: Ledger,
    platform: Platform,
    collection: Collection,
    now: Callable[[], datetime],
    until: datetime,
) -> _Came:
    holder = f"{socket.gethostname()[:20]}-{os.getpid()}-{uuid4().hex[:8]}"
    held = ledger.take(collection.id, holder, now())
    if held is None:
        return _Came.WAITING
    note: str | None = None
    count = partial(worker.counters.metered, platform.identifier)
    collector = _collector(worker, ledger, platform, held, holder, now)
    try:
        collector.run(until)
        if collector.collection.state is State.RUNNING:
            return _Came.LATE
        _after(worker, ledger, platform, collector.collection, now())
        count(Metering.ENDED)
        return _Came.ENDED
    except DollarsSpent:
        limit = worker.settings.metering_dollars_per_day
        note = f"today's ${limit:.2f} are spent (CONNECTOR_METERING_DOLLARS_PER_DAY); it continues tomorrow (UTC)"
        count(Metering.CAPPED)
    except PermanentError as error:
        _fail(ledger, held.id, holder, str(masked_error(error)), now())
        count(Metering.FAILED)
    except StepError as error:
        note = f"it continues automatically: {masked_error(error)}"
        count(Metering.RETRIED)
    except (
        ArithmeticError,
        AttributeError,
        LookupError,
        TypeError,
        ValueError,
    ):  # a defect of ours must not stop other platforms
        log.exception("a collection cannot go on", collection=held.id)
        note = "a defect of the connector; the worker's log has it"
        count(Metering.RETRIED)
    except LostCollection as lost:
        log.info("another worker has a collection", reason=str(lost))
    finally:
        _audit(worker, ledger, held.id)
        ledger.release(held.id, holder, note)
    return _Came.WAITING


def _collector(
    worker: Worker, ledger: Ledger, platform: Platform, held: Collection, holder: str, now: Callable[[], datetime]
) -> Collector:
    prices = worker.catalog.prices
    return Collector(
        platform=platform,
        aws=Aws(platform, worker.sessions, worker.reading(platform, now=now)),
        ledger=ledger,
        collection=held,
        holder=holder,
        most_pages=int((worker.settings.metering_dollars_per_day / CENT).to_integral_value(ROUND_DOWN)),
        make_reports=lambda done, renew: Reporter(ledger.database, prices, done, now()).make(renew),
        now=now,
    )


def _after(worker: Worker, ledger: Ledger, platform: Platform, done: Collection, now: datetime) -> None:
    """Say what came of it: to the log, and to people where costs need them. Then tidy up."""
    log.info(
        "costs collected",
        platform=done.platform,
        month=str(done.month),
        pages=done.pages,
        dollars=f"{dollars(done.asked):.2f}",
        rows=done.rows,
        final=done.is_final,
    )
    warn(worker, ledger.database, platform, done, now)
    tidy(ledger.database, platform, now)


def _fail(ledger: Ledger, identifier: int, holder: str, why: str, now: datetime) -> None:
    log.error("costs could not be collected", collection=identifier, error=why)
    with ledger.database.writing() as connection:
        query = update(collections).where(collections.c.id == identifier, collections.c.holder == holder)
        ended = {"state": State.FAILED, "ended_at": now.isoformat(), "note": why, "holder": None, "held_until": 0}
        connection.execute(query.values(ended))


def _audit(worker: Worker, ledger: Ledger, identifier: int) -> None:
    """Note in the audit log and in the metrics what was spent, also by a run that was killed before it could."""
    after = ledger.find(identifier)
    if after is None or after.asked == after.audited:
        return
    pages = after.asked - after.audited
    about = {"tenant": "-", "replication": f"collection {after.id}", "step": "metering", "call": "ce:pages"}
    spent = {"platform": after.platform, "month": str(after.month), "pages": pages, "dollars": f"{dollars(pages):.2f}"}
    entry = {**about, "arguments": spent, "account": worker.catalog.platforms[after.platform].management_account_id}
    entry |= {"asked_by": after.asked_by} if after.asked_by else {}
    kept = timedelta(days=worker.settings.audit_days)
    opened = worker.store.audit.append(entry, kept)
    worker.store.audit.append({"of": opened, "outcome": "OK", "request_id": None}, kept)
    worker.store.counts.add(f"{COST_PAGES}{after.platform}", pages)
    ledger.note_audited(after)
