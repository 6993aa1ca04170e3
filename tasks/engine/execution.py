"""One execution of one step: fence, lease, run, record; then the chain goes on, or it ends here.

A message whose dispatch number is not the record's does nothing and ends its chain. What becomes of a step's answer is
decided in `verdict.py`, and recorded here in one atomic script together with when to look again, so a crash at any line
leaves the replication in the due index.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from random import random
from time import monotonic
from uuid import uuid4

from redis import RedisError

from tasks.engine import verdict
from tasks.engine.lease import Lease, Leases, not_ours
from tasks.engine.surroundings import Surroundings
from tasks.engine.verdict import Answer, Moment, Times
from tasks.errors import PermanentError, StepError, Superseded
from tasks.limits.intervals import RetryState
from tasks.model.handles import Handles, in_doubt, let_in_lately
from tasks.model.replication import ENDED, Wait
from tasks.notifications.alerts import alert_of
from tasks.resolve import resolved
from tasks.state.masking import masked_error, masked_outcome
from tasks.state.outcome import Begun, Dispatch, StepRecord, StoredAlert
from tasks.state.records import json_of
from tasks.state.work import OwnedByAnother
from tasks.steps import run_step, with_nothing_to_do
from tasks.worker import Worker


@dataclass(frozen=True)
class Ended:
    """What became of one task: what Flower shows of it, and what its message does then."""

    note: str
    following: int | None = None  # the step with which the message's chain goes on; None: it ends here
    failure: PermanentError | None = None


class Execution:
    """One execution of one step for one tenant: collects what the verdict needs, calls the step, records."""

    def __init__(self, worker: Worker, leases: Leases, dispatch: Dispatch) -> None:
        """Prepare the execution of a dispatch's step; raises ValueError when it names no tenant."""
        self._worker = worker
        self._store = worker.store
        self._leases = leases
        self._dispatch = dispatch
        self._step = dispatch.chain.steps[dispatch.step]
        self._holder = uuid4().hex
        self._around = Surroundings(worker, leases, dispatch)
        self._tenant = self._around.tenant
        self._now = self._around.clock.now
        self._began = self._now()
        self._log = self._around.log

    def run(self) -> Ended:
        """Run the step if the message is the newest; never raises for what a step or Redis may do."""
        asked_at, time = monotonic(), self._worker.settings.lease
        try:
            begun = self._store.work.begin(self._dispatch, self._holder, time)
            if begun is None:
                return self._dropped("stale: a newer message or another worker has it")
            self._around.clock.set(begun.at, asked_at)
            self._began = self._now()
            lease = Lease(self._store, self._dispatch.replication, self._holder, time, asked_at)
            with self._leases.kept(lease):
                return self._finished(verdict.undelayed(begun), lease)
        except RedisError as error:
            self._log.warning("Redis is away; the due index continues this", error=str(error))
            return Ended("Redis is away: continued later")

    def _finished(self, begun: Begun, lease: Lease) -> Ended:
        try:
            return self._recorded(begun, self._answer(begun, lease))
        except Superseded:
            around = self._around
            if lease.left:
                settled = self._store.work.settle(
                    self._tenant, self._holder, wrote=around.wrote_late, let_in=around.let_in_late
                )
            else:
                settled = not around.wrote_late
            if not settled:  # the newer run may have looked before AWS had it
                self._log.warning("a write of ours came after another worker had taken over: all is looked at again")
                self._store.orders.doubt(self._tenant)
            return self._dropped("superseded: another worker has taken over")

    def _dropped(self, why: str) -> Ended:
        """End without a trace in the record: it is somebody else's."""
        self._log.info(why)
        return Ended(why)

    def _answer(self, begun: Begun, lease: Lease) -> Answer:
        """Run the step; what it raises is its answer too, without secrets."""
        try:
            tenant = resolved(
                self._worker.catalog,
                self._tenant,
                begun.desired,
                begun.handles,
                begun.deletion,
                needs_landing_zone=self._step.needs_landing_zone,
            )
            with self._around.aws(tenant, begun, lease) as aws:
                return run_step(self._step, tenant, self._handles(begun), aws)
        except (Superseded, RedisError):
            raise
        except StepError as error:
            return masked_error(error)
        except Exception as error:  # noqa: BLE001 (a defect of ours must end visibly, not loop)
            self._log.exception("the step is defective")
            remedy = "This is a defect of the connector: report it with its log."
            return masked_error(PermanentError(type(error).__name__, str(error), remedy=remedy))

    def _handles(self, begun: Begun) -> Handles:
        if self._dispatch.step > 0:  # what the first step records holds for those after it
            return begun.handles
        handles = begun.handles
        if begun.doubt:  # in each execution: a stray call may have written since the last one
            asked = None if begun.step.started_at is None else handles.people_look  # a look for many goes on
            handles = replace(in_doubt(handles), people_look=asked)
        if begun.stray is None:
            return handles
        return let_in_lately(handles, self._now() + min(begun.stray, timedelta()))

    def _recorded(self, begun: Begun, answer: Answer) -> Ended:
        try:
            record = self._written(self._decided(begun, answer))
        except OwnedByAnother as owned:
            answer = not_ours(owned)
            record = self._written(self._decided(begun, answer))
        self._around.look.ended(record.state)
        self._count(begun, record)
        note = record.document.note or ""
        self._log.info(note, state=str(record.document.state))
        return Ended(note, verdict.continued(record), verdict.failure(record, answer))

    def _written(self, record: StepRecord) -> StepRecord:
        self._around.look.keep(record.document)
        if not self._store.work.record(self._dispatch.replication, self._holder, record):
            raise Superseded(self._dispatch.replication)
        return record

    def _decided(self, begun: Begun, answer: Answer) -> StepRecord:
        self._learn(begun, answer)
        record = masked_outcome(verdict.decide(self._moment(begun, answer), answer))
        if record.parked and isinstance(answer, StepError):
            self._log.warning("parked: an operator must act", code=answer.code, error=str(answer), do=answer.remedy)
        return replace(record, responded=self._around.responded, alert=self._alert(record))

    def _learn(self, begun: Begun, answer: Answer) -> None:
        """Remember how long AWS took for what has ended since the last look; an error tells nothing of it."""
        if isinstance(answer, StepError):
            return
        retry_state = RetryState.read(begun.retry_state)
        for since in retry_state.ended(answer.since if isinstance(answer, Wait) else ()):
            self._worker.usual_times.learn(self._step.name, self._now() - since, retry_state.interval)

    def _idle(self, begun: Begun, answer: Answer) -> dict[str, str]:
        """Name the steps that have nothing to do as far as we know; none where the configuration is not known."""
        handles = begun.handles if isinstance(answer, StepError) else answer.handles
        try:
            tenant = resolved(self._worker.catalog, self._tenant, begun.desired, handles, begun.deletion)
        except PermanentError:
            return {}
        return with_nothing_to_do(self._dispatch.chain, tenant, handles)

    def _moment(self, begun: Begun, answer: Answer) -> Moment:
        return Moment(
            chain=self._dispatch.chain,
            index=self._dispatch.step,
            begun=begun,
            times=Times.of(self._worker.settings),
            began=self._began,
            now=self._now(),
            idle=self._idle(begun, answer),
            chance=random(),  # noqa: S311 (it spreads looks over time; nobody gains from guessing it)
            usual=self._worker.usual_times.of(self._step.name),
        )

    def _alert(self, record: StepRecord) -> StoredAlert | None:
        if self._worker.settings.notification_url is None:
            return None
        alert = alert_of(self._tenant, self._dispatch.replication, record, self._now())
        return StoredAlert(json_of(alert), alert.fingerprint) if alert else None

    def _count(self, begun: Begun, record: StepRecord) -> None:
        now, counters, look = self._now(), self._worker.counters, self._around.look
        counters.executed(self._step.name, record.document.state, now - self._began)
        if record.state in ENDED:
            counters.ended(
                self._tenant, self._dispatch.chain.name, record.state, now - begun.asked_at, daily=look.daily
            )
