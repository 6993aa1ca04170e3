"""The Celery face of a step: fence, lease, run, record; then the chain goes on, or it ends here.

One task per step, named `replication.<step>`. A task whose dispatch number is not the record's does nothing and ends
its chain. Whatever a step answers is recorded in one atomic script together with when to look again, so a crash at any
line leaves the replication in the due index.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from random import random
from typing import Any
from uuid import uuid4

import structlog
from redis import RedisError

from tasks.aws import Aws, Run
from tasks.aws.calls import CallRecord, Observer
from tasks.aws.organizations import Account
from tasks.aws.run import NoLists
from tasks.aws.stack_sets import StackInstance
from tasks.connector import Connector
from tasks.daily.look import DailyLook
from tasks.engine.late_writes import without_absences
from tasks.engine.lease import Lease, Leases
from tasks.errors import LaneFull, Parked, PermanentError, RateReached, StepError, Stopping, Superseded, TransientError
from tasks.limits.call_rates import Allowance
from tasks.limits.intervals import LANE_RECHECK, Pace, brisk_interval, poll_interval, retry_interval
from tasks.limits.lanes import ReplicationPlaces, places, rates
from tasks.model.desired import Tenant, TenantId
from tasks.model.handles import Handles
from tasks.model.replication import ENDED, Done, State, StepState, Wait
from tasks.notifications.news import news_of
from tasks.organization.account_lists import SharedAccountLists
from tasks.resolve import resolved
from tasks.state.audit import Trail
from tasks.state.masking import masked_error, masked_outcome, shown_error
from tasks.state.outcome import Begun, StepRecord
from tasks.step import Chain

SILENT_SECONDS = 4.0  # a call that got no answer for longer has held its thread; a connection times out after 5
log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Ended:
    """What became of one task: shown in Flower, and whether its chain goes on."""

    note: str
    goes_on: bool = False
    failure: PermanentError | None = None


class Performance:
    """One execution of one step for one tenant."""

    def __init__(
        self, connector: Connector, leases: Leases, tenant: TenantId, replication: str, chain: Chain, index: int
    ) -> None:
        self._connector = connector
        self._leases = leases
        self._tenant = tenant
        self._replication = replication
        self._chain = chain
        self._index = index
        self._step = chain.steps[index]
        self._holder = uuid4().hex
        self._began = _now()
        self._heard: bool | None = None
        self._look = DailyLook(connector.store, tenant, replication, chain, _now)
        self._wrote_late = False
        self._log = log.bind(tenant=str(tenant), replication=replication, step=self._step.name)

    def run(self, dispatch: int) -> Ended:
        """Run the step if the message is the newest; never raises for what a step or Redis may do."""
        settings, store = self._connector.settings, self._connector.store
        try:
            begun = store.begin(
                self._replication,
                dispatch,
                self._index,
                self._holder,
                settings.lease,
                self._tenant,
                self._chain,
            )
            if begun is None:
                return self._dropped("stale: a newer message or another worker has it")
            lease = Lease(store, self._replication, self._holder, settings.lease)
            with self._leases.kept(lease):
                return self._finished(begun, lease)
        except RedisError as error:
            self._log.warning("Redis is away; the due index continues this", error=str(error))
            return Ended("Redis is away: continued later")

    def _finished(self, begun: Begun, lease: Lease) -> Ended:
        try:
            return self._record(begun, self._outcome(begun, lease))
        except Superseded:
            if self._wrote_late:  # the newer run may have looked before AWS had it
                self._log.warning("a write of ours came after another worker had taken over: all is looked at again")
                self._connector.store.doubt(self._tenant)
            return self._dropped("superseded: another worker has taken over")

    def _dropped(self, why: str) -> Ended:
        """End without a trace in the record: it is somebody else's."""
        self._log.info(why)
        return Ended(why)

    def _outcome(self, begun: Begun, lease: Lease) -> StepRecord | StepError:
        """Run the step; what it raises is its answer too."""
        try:
            tenant = self._resolve(begun)
            with self._allowance(tenant) as allowance:
                answer = self._step.run(
                    tenant, self._handles(begun, tenant), self._aws(tenant, begun, lease, allowance)
                )
        except (Superseded, RedisError):
            raise
        except StepError as error:
            return error
        except Exception as error:  # noqa: BLE001 (a defect of ours must end visibly, not loop)
            self._log.exception("the step is defective")
            name = type(error).__name__
            return PermanentError(name, str(error), remedy="This is a defect of the connector: report it with its log.")
        return self._done(begun, answer) if isinstance(answer, Done) else self._wait(begun, answer)

    def _handles(self, begun: Begun, tenant: Tenant) -> Handles:
        first = begun.doubt and self._index == 0  # what it records holds for the steps after it
        return without_absences(begun.handles, tenant) if first else begun.handles

    def _resolve(self, begun: Begun) -> Tenant:
        return resolved(self._connector.catalog, self._tenant, begun.desired, begun.handles, begun.deletion)

    def _allowance(self, tenant: Tenant) -> Allowance:
        connector = self._connector
        taken = ReplicationPlaces(connector.store, self._replication)
        rates_of_platform = rates(connector.settings, tenant.platform)
        return Allowance(taken, self._step.name, rates_of_platform, connector.expected_calls)

    def _aws(self, tenant: Tenant, begun: Begun, lease: Lease, allowance: Allowance) -> Aws:
        settings = self._connector.settings
        trail = self._trail(begun)
        organization = tenant.platform.management_account_id

        def before(service: str) -> None:
            self._leases.check()
            allowance.use(service)

        def before_write() -> None:
            self._look.about_to_write(begun.handles.account_id)
            lease.check()

        def seen(account_id: str) -> Account | None:
            return None if begun.doubt else self._look.seen(organization, account_id)

        def seen_instances(stack_set: str, account_id: str) -> dict[str, StackInstance] | None:
            return None if begun.doubt else self._look.seen_instances(stack_set, account_id)

        def observe(call: CallRecord) -> None:
            # Between the check of the lease and the sending this process may have stood still for as long as a lease.
            self._wrote_late = self._wrote_late or (call.write and not lease.certain)
            self._observe(call, trail)
            allowance.observe(call)

        run = Run(
            now=_now,
            remember=lease.renew,
            places=allowance.places,
            limits=places(settings, tenant.platform),
            lookup_grace=settings.lookup_grace,
            observer=Observer(before_write, observe, before_call=before, before_sending=trail.intend),
            account_created_at=begun.handles.account_created_at,
            access_grace=settings.access_grace,
            seen=seen,
            seen_instances=seen_instances,
            lists=NoLists() if begun.doubt else SharedAccountLists(self._connector.store, organization),
        )
        return Aws(tenant.platform, self._connector.sessions, run)

    def _trail(self, begun: Begun) -> Trail:
        about = {"tenant": str(self._tenant), "replication": self._replication, "step": self._step.name}
        connector = self._connector
        return Trail(
            connector.store, timedelta(days=connector.settings.audit_days), {**about, "asked_by": begun.asked_by}
        )

    def _observe(self, call: CallRecord, trail: Trail) -> None:
        """Log every call; writes also go to the audit log and the tenant's events. None may spoil AWS's answer."""
        self._look.observe(call)
        self._connector.meters.called(call)
        if call.request_id is not None:
            self._heard = True
        elif call.seconds > SILENT_SECONDS and self._heard is None:
            self._heard = False
        fields: dict[str, Any] = {
            "call": f"{call.service}:{call.operation}",
            "account": call.account_id,
            "request_id": call.request_id,
            "code": call.code,
        }
        if not call.write:
            self._log.debug("read", **fields, seconds=round(call.seconds, 3))
            return
        self._log.info("write", **fields, seconds=round(call.seconds, 3))
        event = {"type": "write", "replication": self._replication, "step": self._step.name, "at": _now().isoformat()}
        try:
            trail.ended(call)
            self._connector.store.emit(str(self._tenant), {**event, **fields})
        except RedisError as error:
            self._log.warning("the end of a write is missing in the audit log", error=str(error), **fields)

    def _record(self, begun: Begun, outcome: StepRecord | StepError) -> Ended:
        failure = outcome if isinstance(outcome, PermanentError) else None
        if isinstance(outcome, StepError):
            outcome = self._failed(begun, masked_error(outcome))
            failure = failure or _given_up(outcome)
        outcome = replace(masked_outcome(outcome), heard=self._heard)
        outcome = replace(outcome, news=self._news(outcome))
        self._look.keep(outcome.document)
        if not self._connector.store.record(self._replication, self._holder, outcome):
            raise Superseded(self._replication)
        self._look.ended(outcome.state)
        self._count(begun, outcome)
        note = outcome.document.note or ""
        self._log.info(note, state=str(outcome.document.state))
        goes_on = outcome.state is State.RUNNING and outcome.following == self._index + 1 and failure is None
        return Ended(note, goes_on=goes_on, failure=failure)

    def _news(self, outcome: StepRecord) -> tuple[str, str] | None:
        if self._connector.settings.notification_url is None:
            return None
        news = news_of(self._tenant, self._replication, outcome, _now())
        return (news.model_dump_json(by_alias=True, exclude_none=True), news.sign) if news else None

    def _count(self, begun: Begun, outcome: StepRecord) -> None:
        now, meters = _now(), self._connector.meters
        meters.executed(self._step.name, outcome.document.state, now - self._began)
        if outcome.state in ENDED:
            meters.ended(self._tenant, self._chain.name, outcome.state, now - begun.asked_at, daily=self._look.daily)

    def _done(self, begun: Begun, answer: Done) -> StepRecord:
        now = _now()
        self._learn(Pace.read(begun.pace), ())
        document = self._document(begun).model_copy(
            update={"state": State.SUCCEEDED, "note": answer.note, "ended_at": now, "last_error": None}
        )
        following = self._chain.after(self._index, begun.failed)
        ended = State.FAILED if begun.failed else State.SUCCEEDED
        return StepRecord(
            step=self._index,
            document=document,
            state=ended if following is None else State.RUNNING,
            # The chain's own message goes on at once; what had to skip a step is dispatched by the pump.
            due=self._connector.settings.lease if following == self._index + 1 else timedelta(),
            advance=True,
            following=following,
            handles=answer.handles,
            failed=begun.failed,
            error=begun.failure,
        )

    def _wait(self, begun: Begun, answer: Wait) -> StepRecord:
        pace = Pace.read(begun.pace)
        document = self._document(begun).model_copy(
            update={"state": State.WAITING, "note": answer.note, "last_error": None}
        )
        self._learn(pace, answer.since)
        interval = self._until_next_poll(pace, answer.since) if answer.retry_in is None else answer.retry_in
        return StepRecord(
            step=self._index,
            document=document,
            state=State.WAITING,
            due=interval,
            handles=answer.handles,
            failed=begun.failed,
            error=begun.failure,
            pace=pace.polled(interval, answer.since).document(),
            polls=True,
        )

    def _learn(self, pace: Pace, since: tuple[datetime, ...]) -> None:
        """Remember how long AWS took for what has ended since the last look."""
        for began in pace.ended(since):
            self._connector.usual_times.learn(self._step.name, _now() - began, pace.interval)

    def _until_next_poll(self, pace: Pace, since: tuple[datetime, ...]) -> timedelta:
        first, chance = self._connector.settings.poll_interval, random()  # noqa: S311 (jitter)
        if not since:
            return poll_interval(first, pace, chance)
        return brisk_interval(first, since, self._connector.usual_times.of(self._step.name), _now(), chance)

    def _failed(self, begun: Begun, error: StepError) -> StepRecord:
        now, pace = _now(), Pace.read(begun.pace)
        document = self._document(begun).model_copy(update={"note": str(error), "last_error": shown_error(error)})
        waiting = StepRecord(
            step=self._index,
            document=document.model_copy(update={"state": State.WAITING}),
            state=State.WAITING,
            failed=begun.failed,
            error=begun.failure,
        )
        if isinstance(error, LaneFull | RateReached | Stopping):  # nothing is wrong: others come first
            document = waiting.document.model_copy(update={"note": error.message, "last_error": None})
            calm = replace(waiting, document=document, pace=begun.pace)
            if isinstance(error, LaneFull):
                return replace(calm, due=LANE_RECHECK, lane=error.lane)
            return replace(calm, due=timedelta(seconds=error.seconds)) if isinstance(error, RateReached) else calm
        pace = pace.failed(now)
        parked = isinstance(error, Parked)
        if isinstance(error, TransientError) and pace.failing_for(now) < self._deadline(parked=parked):
            interval = retry_interval(replace(pace, failures=pace.failures - 1), error.retry_after, random())  # noqa: S311
            if parked:
                self._log.warning("parked: an operator must act", code=error.code, error=str(error), do=error.remedy)
            shown = begun.failure or document.last_error
            return replace(waiting, due=interval, pace=pace.document(), error=shown, parked=parked)
        ended = document.model_copy(update={"state": State.FAILED, "ended_at": now})
        return self._failed_for_good(begun, ended)

    def _failed_for_good(self, begun: Begun, document: StepState) -> StepRecord:
        """End the replication, or go on with the steps that do not need this one."""
        failed = (*begun.failed, self._step.name)
        following = self._chain.after(self._index, failed)
        return StepRecord(
            step=self._index,
            document=document,
            state=State.FAILED if following is None else State.RUNNING,
            advance=following is not None,
            following=following,
            failed=failed,
            error=begun.failure or document.last_error,
        )

    def _deadline(self, *, parked: bool) -> timedelta:
        settings = self._connector.settings
        return settings.parked_deadline if parked else settings.step_deadline

    def _document(self, begun: Begun) -> StepState:
        """The step's document with this execution counted; a poll after a poll is the same attempt."""
        before = begun.step
        same = before.state is State.WAITING and before.last_error is None
        return before.model_copy(
            update={
                "attempts": before.attempts if same else before.attempts + 1,
                "started_at": before.started_at or self._began,
            }
        )


def _given_up(outcome: StepRecord) -> PermanentError | None:
    """A transient error that lasted beyond the step's deadline ends the step like a permanent one."""
    error = outcome.document.last_error
    if outcome.document.state is not State.FAILED or error is None:
        return None
    return PermanentError(error.code, error.message, error.request_id, error.remedy)


def _now() -> datetime:
    return datetime.now(UTC)
