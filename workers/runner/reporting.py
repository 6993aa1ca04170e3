"""Tells meshStack how a run stands, and hears from it that somebody has aborted the run.

A report says how things are and not what has changed since, so one whose answer was lost may be sent again. What
meshStack has taken stands in the record. The last report is decided and written down before it is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import NoReturn

import structlog

from tasks.meshstack.errors import Away
from tasks.meshstack.runs import Address, Runs, Told
from tasks.state.store import Store
from workers.runner import report, words
from workers.runner.planned import MOST_STEPS
from workers.runner.record import FINAL, Final, RunRecord, Stage, Status, StepReport

log = structlog.get_logger(__name__)
KEPT = timedelta(days=1)  # for which an ended run is known that nobody has planned; meshStack's time-out is 3 hours
CLOSED_TRIES = 5  # reports that meshStack may call closed although it shows the run in progress


@dataclass(frozen=True)
class Pace:
    """How often things are done; seconds."""

    heartbeat: float = 9.0  # between two reports of a run that changes nothing; with the look that is 10
    look: float = 1.0  # between two looks at a replication or a plan
    first_retry: float = 1.0  # after the first report that was not taken; then twice as long
    longest_retry: float = 30.0


@dataclass
class OpenRun:
    """A run that this process holds, and what it knows of it beside the record."""

    record: RunRecord
    token: str | None
    next_turn: float = 0.0  # by the runner's clock
    reported_at: float | None = None  # the last report that meshStack has taken, by the runner's clock
    failures: int = 0  # reports in a row that were not taken
    closed: int = 0  # answers in a row that call the run closed
    unknown: int = 0  # answers in a row that say there is no such run
    busy: bool = False  # somebody has its turn
    handed_out: tuple[RunRecord, str | None] | None = None  # once more, meanwhile: as it is now, and its token

    def begin(self) -> None:
        """Begin a turn: meshStack knows no step any more of a run that it has handed out once more."""
        if self.handed_out is not None:
            (fresh, self.token), self.handed_out = self.handed_out, None
            self.record = self.record.handed_out_again(fresh)
            self.reported_at = None


class Over(Exception):
    """The run has ended in the middle of a turn."""


class NotHeld(Exception):
    """Another runner holds the run by now: nothing more is done here."""


@dataclass(frozen=True)
class Reporter:
    """Reports. Methods raise Away or Refused, redis.RedisError, Over, or NotHeld when another runner has the run."""

    store: Store
    runs: Runs
    holder: str
    pace: Pace
    clock: Callable[[], float]

    def end(self, run: OpenRun) -> None:
        """Report every step and output, then the end; what meshStack has taken of it is not sent again.

        Of a run that was aborted nothing but the end is reported.
        """
        final = run.record.final
        if final is None:
            raise ValueError("a run that ends has a last report")
        if run.record.aborted:
            self._abandon(run)
        else:
            self.report(run, final.steps, beat=False)
        sent_before = run.record.final_sent
        if not sent_before:
            self.note(run, final_sent=True)  # from now on it may be there, whatever the answer says
        told = self.runs.update(self._address(run), report.last(final))
        if told is Told.CLOSED and not self._is_final(run):
            raise NotHeld
        if told is Told.ABORTED and not sent_before:
            self._stop(run, told)
        self._forget(run)
        log.info("the run has ended", run=run.record.uuid, status=final.status)

    def report(self, run: OpenRun, steps: tuple[StepReport, ...], *, beat: bool = True) -> None:
        """Tell meshStack what it does not know yet, or that we are still there."""
        if not run.record.registered:
            self.runs.register(self._address(run), [report.registration(step) for step in steps[:MOST_STEPS]])
            self.note(run, registered=True)
        news = report.changed(run.record.reported, steps)
        silent = run.reported_at is None or self.clock() - run.reported_at >= self.pace.heartbeat
        if not news and not (beat and silent):
            return
        shown = news or _current(steps)
        told = self.runs.update(
            self._address(run), {"status": Status.IN_PROGRESS, "steps": [*map(report.update, shown)]}
        )
        if told is Told.TAKEN:
            run.reported_at, run.closed = self.clock(), 0
            if news:
                self.note(run, reported={**run.record.reported, **{step.id: step for step in news}})
        elif told is Told.CLOSED:
            if self._is_final(run):
                self._stop(run, Told.ABORTED)
            raise NotHeld
        else:
            self._stop(run, told)

    def _is_final(self, run: OpenRun) -> bool:
        """Find out why meshStack takes no report: the run has ended there, or is to be handed out again.

        In the second case nothing more is done until then; the record stays as it is.
        """
        run.closed += 1
        status = self.runs.status(self._address(run))
        if status == Status.IN_PROGRESS and run.closed < CLOSED_TRIES:
            raise Away("meshStack takes no report of a run that it shows in progress")
        if status is None or status in FINAL:
            return True
        self.note(run, ended=True)
        return False

    def _stop(self, run: OpenRun, told: Told) -> NoReturn:
        """End a run that was aborted: no further write, and no success afterwards."""
        if told is Told.ABORTED:
            self._abandon(run)
            self._forget(run, aborted=True)
            log.info("the run was aborted", run=run.record.uuid)
        else:  # meshStack wants to hear that it has ended
            steps = report.stopped(tuple(run.record.reported.values()), Status.ABORTED, words.STOPPED)
            shown = tuple(step for step in steps if step.status is Status.ABORTED)
            aborted = Final(status=Status.ABORTED, steps=shown or steps[-1:])
            self.note(run, stage=Stage.ENDING, final=aborted, aborted=True, final_sent=False)
            self.end(run)
        raise Over

    def _forget(self, run: OpenRun, **changes: object) -> None:
        """Note that a run has ended, without what is of no use any more."""
        wanted = run.record.wanted
        small = None if wanted is None else wanted.model_copy(update={"users": None})
        self.note(run, stage=Stage.ENDED, ended=True, wanted=small, desired=None, reported={}, **changes)

    def _abandon(self, run: OpenRun) -> None:
        """Stop what was ordered for a run that was aborted, unless another run waits for the same."""
        replication, wanted = run.record.replication, run.record.wanted
        if replication is None or wanted is None or self._shared(run.record):
            return
        self.store.orders.cancel(replication)
        self.store.retries.forget(wanted.tenant)

    def _shared(self, record: RunRecord) -> bool:
        """Tell whether another run that goes on waits for the same replication."""
        held = (RunRecord.model_validate_json(each.record) for each in self.store.runs.open())
        return any(other.replication == record.replication for other in held if other.uuid != record.uuid)

    def _address(self, run: OpenRun) -> Address:
        return run.record.address(run.token)

    def note(self, run: OpenRun, *, ended: bool = False, **changes: object) -> None:
        """Write how far the run is; raises NotHeld when another runner has it."""
        changed = run.record.but(**changes)
        kept = KEPT if ended and changed.plan is None else None
        if not self.store.runs.note(changed.uuid, changed.json_text(), self.holder, ended=ended, kept=kept):
            raise NotHeld
        run.record = changed


def _current(steps: Iterable[StepReport]) -> tuple[StepReport, ...]:
    """Return the step that is under way, to say again that it is."""
    return next(((step,) for step in steps if step.status is Status.IN_PROGRESS), ())
