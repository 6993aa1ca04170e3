"""Which months are collected when, and who goes on with which collection: what beat and people start.

A round begins what is due, then goes on with what is begun, for a bounded time: a message of Celery's must not run for
long. What is left is told by the answer, and another message goes on with it. A collection that AWS does not answer
pauses, as its record says, so that nobody need remember it: beat looks every few seconds for one that may go on, or
whose worker has died. Two rounds at once do no harm: a collection is held by one worker.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import ROUND_DOWN
from enum import Enum
from functools import partial
from random import random
from uuid import uuid4

import structlog
from sqlalchemy import update

from config.platform import Platform
from config.schedule import COLLECT, EVERY
from tasks.aws import Aws
from tasks.errors import PermanentError, StepError, Throttled
from tasks.metering.collection import Collector, DollarsSpent
from tasks.metering.database import open_database
from tasks.metering.errors import DatabaseAway, LostCollection
from tasks.metering.exact import CENT
from tasks.metering.ledger import Collection, Ledger, State, dollars
from tasks.metering.months import Month
from tasks.metering.owners import note_owners
from tasks.metering.payers import settled
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
FAILED_AGAIN = timedelta(hours=1)  # a policy that somebody mends, a clock that is ahead of AWS's at midnight
FIRST_PAUSE = timedelta(seconds=4)
LONGEST_PAUSE = 2 * EVERY[COLLECT]  # the next round tries anyway: a long outage is not asked into, and paid for, twice
DEFECTS = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)  # of ours: they stop one platform only
log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Round:
    """What a round has done."""

    begun: int = 0
    ended: int = 0
    left: int = 0  # that can go on at once

    def __str__(self) -> str:
        return f"{self.begun} collections started, {self.ended} finished, {self.left} to continue"


def collect(
    worker: Worker, now: Callable[[], datetime] = lambda: datetime.now(UTC), longest: timedelta = ROUND
) -> Round:
    """Begin what is due and go on with what is begun; never raises for one platform what would stop the others."""
    try:
        return _round(worker, now, longest, begins=True)
    except DatabaseAway as away:
        log.warning("costs cannot be kept", error=str(away))
        return Round()


def resume(
    worker: Worker, now: Callable[[], datetime] = lambda: datetime.now(UTC), longest: timedelta = ROUND
) -> Round:
    """Go on with what is begun and has paused for long enough, or whose worker has died."""
    try:
        return _round(worker, now, longest, begins=False)
    except DatabaseAway:  # the next round that begins something warns of it, and comes less often
        return Round()


def _round(worker: Worker, now: Callable[[], datetime], longest: timedelta, *, begins: bool) -> Round:
    until = now() + longest
    if not collecting(worker.catalog):
        return Round()
    ledger = Ledger(open_database(worker.settings), worker.settings.lease)
    platforms = settled(ledger.database, worker.catalog, now())
    begun = sum(_begin_due(worker, ledger, platform, now()) for platform in platforms) if begins else 0
    waiting = ledger.running() if begins else ledger.resting(now())
    return replace(_go_on_with(worker, ledger, platforms, waiting, now, until), begun=begun)


def _go_on_with(
    worker: Worker,
    ledger: Ledger,
    platforms: Iterable[Platform],
    begun: Iterable[Collection],
    now: Callable[[], datetime],
    until: datetime,
) -> Round:
    """Go on with collections, those of a platform until AWS throttles."""
    known = {platform.identifier: platform for platform in platforms}
    came: list[_Came] = []
    for collection in begun:
        platform = known.get(collection.platform)
        if platform is not None:
            came.append(_go_on(worker, ledger, platform, collection, now, until))
            if came[-1] is _Came.THROTTLED:
                del known[collection.platform]
    return Round(ended=came.count(_Came.ENDED), left=came.count(_Came.LATE))


class _Came(Enum):
    """How far a run of a collection came."""

    ENDED = "ended"
    LATE = "late"  # the round is over
    THROTTLED = "throttled"  # so are others of the platform
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
        if last is not None and (last.state is State.RUNNING or now - last.started_at < _until_again(last, interval)):
            continue
        if done is None or not done.is_final:
            yield month


def _until_again(last: Collection, interval: timedelta) -> timedelta:
    """Return how long after a collection the month is collected again: sooner, where it failed and has cost nothing."""
    failed_for_nothing = last.state is State.FAILED and not last.asked
    return min(interval, FAILED_AGAIN) if failed_for_nothing else interval


def _go_on(
    worker: Worker,
    ledger: Ledger,
    platform: Platform,
    collection: Collection,
    now: Callable[[], datetime],
    until: datetime,
) -> _Came:
    holder = f"{socket.gethostname()[:20]}-{os.getpid()}-{uuid4().hex[:8]}"
    held = ledger.take(collection, holder, now())
    if held is None:
        return _Came.WAITING
    note: str | None = None
    paused_until: datetime | None = None
    count = partial(worker.counters.metered, platform.identifier)
    collector = _collector(worker, ledger, platform, held, holder, now)
    try:
        collector.run(until)
        if collector.collection.state is State.RUNNING:
            return _Came.LATE
        note = collector.collection.note
        _after(worker, ledger, platform, collector.collection, now())
        count(Metering.ENDED)
        return _Came.ENDED
    except DollarsSpent:
        limit = worker.settings.metering_dollars_per_day
        note = f"today's ${limit:.2f} are spent (CONNECTOR_METERING_DOLLARS_PER_DAY); it continues tomorrow (UTC)"
        paused_until = now() + LONGEST_PAUSE
        count(Metering.CAPPED)
    except PermanentError as error:
        _fail(ledger, held.id, holder, str(masked_error(error)), now())
        count(Metering.FAILED)
    except StepError as error:
        note = f"it continues automatically: {masked_error(error)}"
        paused_until = now() + pause(collector.collection.failures, error.retry_after)
        count(Metering.RETRIED)
        if isinstance(error, Throttled):
            return _Came.THROTTLED
    except DEFECTS:
        log.exception("a collection cannot go on", collection=held.id)
        note = "a defect of the connector; the worker's log has it"
        paused_until = now() + LONGEST_PAUSE
        count(Metering.RETRIED)
    except LostCollection as lost:
        log.info("another worker has a collection", reason=str(lost))
    finally:
        _audit(worker, ledger, platform, held.id)
        ledger.release(held.id, holder, note, paused_until)
    return _Came.WAITING


def pause(failures: int, retry_after: float | None, drawn: Callable[[], float] = random) -> timedelta:
    """Return how long AWS is not asked: each time in a row twice as long, or as AWS says, and not all at once.

    failures   before this one
    """
    longest = min(FIRST_PAUSE * (1 << min(failures, 10)), LONGEST_PAUSE)
    wanted = longest * (0.5 + drawn() / 2)
    return min(max(wanted, timedelta(seconds=retry_after or 0)), LONGEST_PAUSE)


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


def _audit(worker: Worker, ledger: Ledger, platform: Platform, identifier: int) -> None:
    """Note in the audit log and in the metrics what was spent, also by a run that was killed before it could."""
    after = ledger.find(identifier)
    if after is None or after.asked == after.audited:
        return
    pages = after.asked - after.audited
    about = {"tenant": "-", "replication": f"collection {after.id}", "step": "metering", "call": "ce:pages"}
    spent = {"platform": after.platform, "month": str(after.month), "pages": pages, "dollars": f"{dollars(pages):.2f}"}
    entry = {**about, "arguments": spent, "account": platform.management_account_id}
    entry |= {"asked_by": after.asked_by} if after.asked_by else {}
    kept = timedelta(days=worker.settings.audit_days)
    opened = worker.store.audit.append(entry, kept)
    worker.store.audit.append({"of": opened, "outcome": "OK", "request_id": None}, kept)
    worker.store.counts.add(f"{COST_PAGES}{after.platform}", pages)
    ledger.note_audited(after)
