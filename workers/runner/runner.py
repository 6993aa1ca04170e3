"""One runner process: holds its runs under leases, gives each its turns, and claims more as long as it has capacity.

main thread   renews the leases, takes over the runs of runners that have died, hands out turns
claimer       asks meshStack for runs; a claim that is under way when the process is to end is waited for
turns         a few threads; a turn takes as long as a request to meshStack, and none while AWS works
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Event, Lock, Thread
from time import monotonic

import structlog
from redis import RedisError

from tasks.connector import Connector
from tasks.meshstack.errors import Away, MeshStackError, Refused
from tasks.meshstack.sealed import TokenBox
from workers.runner.claimer import Claimer, HandedOut
from workers.runner.desk import Desk
from workers.runner.metrics import RunMetrics
from workers.runner.record import RunRecord, Status
from workers.runner.reporting import NotHeld, OpenRun, Pace

THREADS = 8  # of turns
TICK_SECONDS = 0.2
RENEW_SECONDS = (
    1.0  # at the latest between two renewals of our leases: so the connector's clock goes on without workers
)
CROWD = 20  # open runs from which on each is looked at less often, so that looking costs no more
MOST_DEFECTS = 8  # turns in a row that fail by a defect of ours, or because meshStack refuses what we say
UNKNOWN = frozenset({404, 410})  # to a report: meshStack has no such run any more
UNKNOWN_TRIES = 20  # reports in a row that say so, some minutes apart in all: a proxy may say it in its place
log = structlog.get_logger(__name__)


@dataclass
class Runner:
    """Runs until `stop` is called, then lets other runners have its runs."""

    connector: Connector
    desk: Desk
    claimer: Claimer
    box: TokenBox
    metrics: RunMetrics
    holder: str
    pace: Pace
    clock: Callable[[], float] = monotonic
    tick: float = TICK_SECONDS
    stopping: Event = field(default_factory=Event)
    looked_at: float = field(default=0.0, init=False)  # by the clock: the last time the main thread did its round
    _open: dict[str, OpenRun] = field(default_factory=dict, init=False)
    _lock: Lock = field(default_factory=Lock, init=False)
    _held_until: float = field(default=0.0, init=False)
    _claiming: int = field(default=0, init=False)
    _renewed_at: float | None = field(default=None, init=False)

    def run(self) -> None:
        """Work until `stop` is called."""
        claimer = Thread(target=self._claim_runs, name="claimer")
        pool = ThreadPoolExecutor(THREADS, thread_name_prefix="turn")
        claimer.start()
        try:
            while not self.stopping.wait(self.tick):
                self._round(pool)
        finally:
            self.stopping.set()
            self._wait_for(claimer)
            pool.shutdown(wait=True)
            self._release()

    def stop(self) -> None:
        """Ask it to end: claims and reports that are under way are waited for."""
        self.stopping.set()

    def _wait_for(self, claimer: Thread) -> None:
        """Wait until the claim that is under way has ended; meanwhile nobody may take our runs."""
        while claimer.is_alive():
            claimer.join(self.tick)
            self._keep_leases()

    def _release(self) -> None:
        try:
            self.connector.store.runs.release(list(self._open), self.holder)
        except RedisError as error:  # the leases end by themselves
            log.warning("the runs could not be handed over at once", error=type(error).__name__)

    # The main thread

    def _round(self, pool: ThreadPoolExecutor) -> None:
        self.looked_at = self.clock()
        self._keep_leases()
        if self.clock() >= self._held_until:
            return  # somebody else may have our runs by now
        for run in self._due():
            run.busy = True
            pool.submit(self._turn, run)

    def _due(self) -> list[OpenRun]:
        now = self.clock()
        with self._lock:
            return [run for run in self._open.values() if not run.busy and run.next_turn <= now]

    def _keep_leases(self) -> None:
        """Renew our leases, drop what we have lost, take over what nobody holds."""
        lease, now = self.connector.settings.lease, self.clock()
        every = min(lease.total_seconds() / 4, RENEW_SECONDS)
        if self._renewed_at is not None and now - self._renewed_at < every:
            return
        with self._lock:
            ours = list(self._open)
        most = 0 if self.stopping.is_set() else self._capacity()
        try:
            lost, taken = self.connector.store.runs.hold(ours, most, self.holder, lease)
        except RedisError as error:
            log.warning("Redis cannot be asked for the runs", error=type(error).__name__)
            return
        self._renewed_at, self._held_until = now, now + lease.total_seconds()
        with self._lock:
            for uuid in lost:
                self._open.pop(uuid, None)
        for uuid in taken:
            self._take_over(uuid)
        self.metrics.open.set(len(self._open))

    def _take_over(self, uuid: str) -> None:
        found = self.connector.store.runs.find(uuid)
        if found is None:
            return
        locked = self.connector.store.runs.token(uuid)
        token = None if locked is None else self.box.unlock(uuid, locked)
        log.info("taken over", run=uuid)
        self._add(OpenRun(RunRecord.model_validate_json(found), token))

    def _add(self, run: OpenRun) -> None:
        with self._lock:
            self._open[run.record.uuid] = run

    def _add_claimed(self, handed: HandedOut) -> None:
        """Hold a run from now on. One that we hold already goes on when its turn is over."""
        run = handed.run
        if handed.was_others:  # they learn of it when they renew their leases, and may be reporting until then
            run.next_turn = self.clock() + self.connector.settings.lease.total_seconds() / 2
        with self._lock:
            ours = self._open.setdefault(run.record.uuid, run)
            if ours is not run:
                ours.handed_out = handed.fresh, run.token

    def _capacity(self) -> int:
        """Return for how many runs there is room; one that is being claimed takes its room already."""
        with self._lock:
            return self.connector.settings.runner_concurrent_runs - len(self._open) - self._claiming

    # Turns

    def _turn(self, run: OpenRun) -> None:
        """Take one turn of a run, and say when the next one is."""
        run.begin()
        try:
            if self.desk.turn(run):
                self._count(run)
                self._drop(run)
            run.failures = run.unknown = 0
            run.next_turn = self._next_turn(run)
        except NotHeld:
            log.info("not ours any more", run=run.record.uuid)
            self._drop(run)
        except Refused as error:
            self._refused(run, error)
        except Away as error:
            self._later(run, error.retry_after, str(error))
        except RedisError as error:
            self._later(run, None, f"Redis: {type(error).__name__}")
        except Exception as defect:  # whatever it is, the run must not be forgotten
            log.exception("a turn failed", run=run.record.uuid)
            self._defective(run, type(defect).__name__)
        finally:
            run.busy = False

    def _next_turn(self, run: OpenRun) -> float:
        """Look again soon, and never later than meshStack is to hear of the run."""
        now = self.clock()
        look = now + self.pace.look * max(1.0, len(self._open) / CROWD)
        heard = now if run.reported_at is None else run.reported_at
        return max(now, min(look, heard + self.pace.heartbeat))

    def _later(self, run: OpenRun, wanted: float | None, reason: str) -> None:
        """Take the turn again after a while."""
        pace = self.pace
        own = min(pace.first_retry * 2**run.failures, pace.longest_retry)
        run.failures = min(run.failures + 1, 20)
        run.next_turn = self.clock() + (own if wanted is None else wanted)
        self.metrics.report_errors.inc()
        log.warning("meshStack was not told yet", run=run.record.uuid, reason=reason, tries=run.failures)

    def _refused(self, run: OpenRun, error: Refused) -> None:
        run.unknown = run.unknown + 1 if error.status in UNKNOWN else 0
        log.error("meshStack refuses what we say of a run", run=run.record.uuid, reason=str(error))
        self._later(run, self.pace.longest_retry, str(error))
        try:
            if run.unknown >= UNKNOWN_TRIES:
                log.warning("meshStack does not know the run any more", run=run.record.uuid)
                self.connector.store.runs.note(run.record.uuid, run.record.json_text(), self.holder, ended=True)
                self._drop(run)
            elif not run.unknown and run.failures >= MOST_DEFECTS:
                self.desk.say_less(run, str(error))
                run.failures = 0
        except (NotHeld, RedisError) as failure:
            log.warning("the run could not be given up", run=run.record.uuid, error=type(failure).__name__)

    def _defective(self, run: OpenRun, defect: str) -> None:
        """Try again some times, then let the run end FAILED."""
        self._later(run, None, "a defect")
        if run.failures < MOST_DEFECTS or run.record.final is not None:
            return
        try:
            self.desk.give_up(run, defect)
        except (NotHeld, RedisError) as error:
            log.warning("the run could not be given up", run=run.record.uuid, error=type(error).__name__)

    def _drop(self, run: OpenRun) -> None:
        with self._lock:
            if self._open.get(run.record.uuid) is run:
                del self._open[run.record.uuid]

    def _count(self, run: OpenRun) -> None:
        record = run.record
        if record.aborted:
            self.metrics.aborted.inc()
        elif record.final is not None:
            (self.metrics.succeeded if record.final.status is Status.SUCCEEDED else self.metrics.failed).inc()
        self.metrics.seconds.observe((datetime.now(UTC) - record.claimed_at).total_seconds())

    # The claimer

    def _claim_runs(self) -> None:
        while not self.stopping.is_set():
            self.stopping.wait(self._claim())
        if self.claimer.unstored is not None:  # handed out to us in the last moment: once more
            self._claim()

    def _claim(self) -> float:
        """Claim a run if there is room for it; answers for how many seconds to wait before the next."""
        poll = self.connector.settings.runner_poll_interval.total_seconds()
        if self._capacity() <= 0:
            self.metrics.capacity_skips.inc()
            return min(poll, self.pace.look)
        self._claiming = 1
        try:
            handed = self.claimer.claim()
            if handed is not None:
                self._add_claimed(handed)
        except MeshStackError as error:
            log.warning("no run could be claimed", reason=str(error))
            return self.claimer.pause(error)
        except RedisError as error:
            log.warning("no run is claimed while Redis is unavailable", error=type(error).__name__)
            return self.pace.first_retry
        except Exception:
            log.exception("a claim failed")
            return self.claimer.pause(None)
        finally:
            self._claiming = 0
        return poll if handed is None else 0.0
