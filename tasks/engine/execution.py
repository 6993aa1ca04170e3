"""One execution of one step, under a lease: run it, decide, record.

What becomes of a step's answer is decided in `verdict.py`, and recorded here in one atomic script together with when to
look again, so a crash at any line leaves the replication in the due index. What comes before and after: `stretch.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from random import random

from redis import RedisError

from config import tracing
from config.celery import QUEUE
from tasks.engine import verdict
from tasks.engine.lease import not_ours
from tasks.engine.surroundings import Held, Surroundings
from tasks.engine.verdict import Answer, Moment, Times
from tasks.errors import PermanentError, StepError, Superseded
from tasks.limits.intervals import RetryState
from tasks.model.handles import Handles, in_doubt, let_in_lately
from tasks.model.replication import ENDED, State, Wait
from tasks.notifications.alerts import alert_of
from tasks.resolve import resolved
from tasks.state.masking import masked_error, masked_outcome
from tasks.state.outcome import Begun, Dispatch, StepRecord, StoredAlert
from tasks.state.records import json_of
from tasks.state.work import Following, OwnedByAnother
from tasks.steps import run_step, with_nothing_to_do
from tasks.worker import Worker


@dataclass(frozen=True)
class Ended:
    """What became of one step: what Flower shows of it, and what comes then."""

    note: str
    following: int | None = None  # the step with which the message's chain goes on; None: it ends here
    failure: PermanentError | None = None
    begun: Begun | None = None  # the following step has begun, in the same task; None: a message begins it


class Execution:
    """One execution of one step for one tenant: collects what the verdict needs, calls the step, records."""

    def __init__(self, worker: Worker, dispatch: Dispatch, begun: Begun, held: Held) -> None:
        self._worker = worker
        self._store = worker.store
        self._dispatch = dispatch
        self._begun = begun
        self._held = held
        self._lease = held.lease
        self._step = dispatch.chain.steps[dispatch.step]
        self._around = Surroundings(worker, dispatch, begun, held)
        self._tenant = self._around.tenant
        self._now = held.clock.now
        self._began = self._now()
        self._log = self._around.log

    def run(self) -> Ended:
        """Run the step; never raises for what a step may do, but redis.RedisError when Redis is away."""
        with tracing.span(f"step {self._step.name}", {"connector.step": self._step.name}) as span:
            return self._run(span)

    def _run(self, span: tracing.Span) -> Ended:
        try:
            return self._recorded(self._answer(), span)
        except Superseded:
            around = self._around
            if self._lease.left:
                settled = self._store.work.settle(
                    self._tenant, self._lease.holder, wrote=around.wrote_late, let_in=around.let_in_late
                )
            else:
                settled = not around.wrote_late
            if not settled:  # the newer run may have looked before AWS had it
                self._log.warning(
                    "a write was sent after another worker had taken over; the tenant is replicated again"
                )
                self._store.orders.doubt(self._tenant)
            self._log.info("superseded: another worker has taken over")
            return Ended("superseded: another worker has taken over")

    def _answer(self) -> Answer:
        """Run the step; what it raises is its answer too, without secrets."""
        begun = self._begun
        try:
            tenant = resolved(
                self._worker.catalog,
                self._tenant,
                begun.desired,
                begun.handles,
                begun.deletion,
                needs_landing_zone=self._step.needs_landing_zone,
            )
            return run_step(self._step, tenant, self._handles(), self._around.aws(tenant))
        except (Superseded, RedisError):
            raise
        except StepError as error:
            return masked_error(error)
        except Exception as error:  # noqa: BLE001 (a defect of ours must end visibly, not loop)
            self._log.exception("the step has a bug")
            remedy = "This is a bug in the connector. Report it with the log."
            return masked_error(PermanentError(type(error).__name__, str(error), remedy=remedy))
        finally:
            if self._dispatch.step == 0:  # it takes access away, in a line of its own (take.lua) until that is recorded
                self._held.allowance.settle()

    def _handles(self) -> Handles:
        begun = self._begun
        if self._dispatch.step > 0:  # what the first step records holds for those after it
            return begun.handles
        handles = begun.handles
        if begun.doubt and not begun.doubted:  # written down once, before the first call
            handles = in_doubt(handles)
            self._lease.renew(handles, doubted=True)
        if begun.stray is None:
            return handles
        return let_in_lately(handles, self._now() + min(begun.stray, timedelta()))

    def _recorded(self, answer: Answer, span: tracing.Span) -> Ended:
        try:
            record, next_is = self._written(answer)
        except OwnedByAnother as owned:
            answer = not_ours(owned)
            record, next_is = self._written(answer)
        self._around.look.ended(record.state)
        self._count(record)
        note, state = record.document.note or "", str(record.document.state)
        before = self._begun.step
        same = before.state is record.document.state and before.note == record.document.note
        log = self._log.debug if same else self._log.info  # it waits still, for the same
        log(note, state=state)
        span.note({"connector.state": state, "connector.note": note})
        if record.document.last_error is not None:
            span.fail(record.document.last_error.code, record.document.last_error.message)
        shown = f"{state}: {note}" if record.document.state is State.WAITING else note  # to Celery it is a success
        following = None if next_is is Following.PUMP else verdict.continued(record)
        begun = next_is if isinstance(next_is, Begun) else None
        return Ended(shown, following, verdict.failure(record, answer), begun)

    def _written(self, answer: Answer) -> tuple[StepRecord, Begun | Following]:
        """Record an answer, and begin what follows at once if nobody else needs this thread."""
        record, lease = self._decided(answer), self._lease
        self._around.look.keep(record.document)
        next_is: Begun | Following | None
        if verdict.continued(record) is not None and lease.certain:
            queue = QUEUE if self._held.is_full() else None
            next_is = self._store.work.go_on(self._dispatch, lease.holder, record, self._begun, lease.stored, queue)
        else:
            recorded = self._store.work.record(self._dispatch.replication, lease.holder, record, lease.stored)
            next_is = Following.MESSAGE if recorded else None
        if next_is is None:
            raise Superseded(self._dispatch.replication)
        lease.stored = record.handles or lease.stored
        return record, next_is

    def _decided(self, answer: Answer) -> StepRecord:
        self._learn(answer)
        record = masked_outcome(verdict.decide(self._moment(answer), answer))
        if record.parked and isinstance(answer, StepError):
            self._log.warning("parked: an operator must act", code=answer.code, error=str(answer), do=answer.remedy)
        return replace(record, responded=self._held.responded, alert=self._alert(record))

    def _learn(self, answer: Answer) -> None:
        """Remember how long AWS took for what has ended since the last look; an error tells nothing of it."""
        if isinstance(answer, StepError):
            return
        retry_state = RetryState.read(self._begun.retry_state)
        for since in retry_state.ended(answer.since if isinstance(answer, Wait) else ()):
            self._worker.usual_times.learn(self._step.name, self._now() - since, retry_state.interval)

    def _idle(self, answer: Answer) -> dict[str, str]:
        """Name the steps that have nothing to do as far as we know; none where the configuration is not known."""
        begun = self._begun
        handles = begun.handles if isinstance(answer, StepError) else answer.handles
        try:
            tenant = resolved(self._worker.catalog, self._tenant, begun.desired, handles, begun.deletion)
        except PermanentError:
            return {}
        return with_nothing_to_do(self._dispatch.chain, tenant, handles)

    def _moment(self, answer: Answer) -> Moment:
        return Moment(
            chain=self._dispatch.chain,
            index=self._dispatch.step,
            begun=self._begun,
            times=Times.of(self._worker.settings),
            began=self._began,
            now=self._now(),
            idle=self._idle(answer),
            chance=random(),  # noqa: S311 (it spreads looks over time; nobody gains from guessing it)
            usual=self._worker.usual_times.of(self._step.name),
        )

    def _alert(self, record: StepRecord) -> StoredAlert | None:
        if self._worker.settings.notification_url is None:
            return None
        alert = alert_of(self._tenant, self._dispatch.replication, record, self._now())
        return StoredAlert(json_of(alert), alert.fingerprint) if alert else None

    def _count(self, record: StepRecord) -> None:
        begun, now, counters = self._begun, self._now(), self._worker.counters
        counters.executed(record.document, now - self._began)
        if begun.urgent_since is not None and self._dispatch.step == 0 and record.advance and not record.failed:
            counters.withdrawn(self._tenant, now - begun.urgent_since)
        if record.state in ENDED:
            counters.ended(
                self._tenant, self._dispatch.chain.name, record.state, now - begun.asked_at, daily=begun.daily
            )
