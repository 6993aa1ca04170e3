"""The Celery face of a step: fence, lease, run, record; then the chain goes on, or it ends here.

One task per step, named `replication.<step>`. A task whose dispatch number is not the record's does nothing and ends
its chain. Whatever a step answers is recorded in one atomic script together with when to look again, so a crash at any
line leaves the replication in the due index.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from random import random
from typing import Any
from uuid import uuid4

import structlog
from celery import Celery, Task
from redis import RedisError

from config.celery import TASK_PREFIX
from tasks.aws import Aws, Lane, Run
from tasks.aws.calls import CallRecord, Observer
from tasks.chain import REPLICATION
from tasks.connector import Connector
from tasks.due import Lease, Leases
from tasks.errors import LaneFull, PermanentError, StepError, Superseded, TransientError
from tasks.limits import ReplicationPlaces
from tasks.model import Done, LastError, State, StepState, Tenant, TenantId, Wait
from tasks.pace import LANE_RECHECK, Pace, poll_interval, retry_interval
from tasks.store import Begun, Outcome

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Ended:
    """What became of one task: shown in Flower, and whether its chain goes on."""

    note: str
    goes_on: bool = False
    failure: PermanentError | None = None


def register(app: Celery, connector: Callable[[], Connector]) -> None:
    """Make one Celery task of each step; the connector is made when the first task runs."""
    leases = Leases()
    for index in range(len(REPLICATION)):
        _register_step(app, index, connector, leases)


def _register_step(app: Celery, index: int, connector: Callable[[], Connector], leases: Leases) -> None:
    name = TASK_PREFIX + REPLICATION[index].name

    @app.task(name=name, bind=True, throws=(PermanentError,))  # type: ignore[untyped-decorator]  # Celery has no types
    def run_step(task: Task, tenant: str, replication: str, dispatch: int) -> str:
        ended = Performance(connector(), leases, TenantId.parse(tenant), replication, index).run(dispatch)
        if not ended.goes_on:
            task.request.chain = None
        if ended.failure is not None:
            raise ended.failure
        return ended.note


class Performance:
    """One execution of one step for one tenant."""

    def __init__(self, connector: Connector, leases: Leases, tenant: TenantId, replication: str, index: int) -> None:
        self._connector = connector
        self._leases = leases
        self._tenant = tenant
        self._replication = replication
        self._index = index
        self._step = REPLICATION[index]
        self._holder = uuid4().hex
        self._began = _now()
        self._log = log.bind(tenant=str(tenant), replication=replication, step=self._step.name)

    def run(self, dispatch: int) -> Ended:
        """Run the step if the message is the newest; never raises for what a step or Redis may do."""
        settings, store = self._connector.settings, self._connector.store
        try:
            begun = store.begin(self._replication, dispatch, self._index, self._holder, settings.lease_seconds)
            if begun is None:
                return Ended("stale: a newer message or another worker has it")
            lease = Lease(store, self._replication, self._holder, settings.lease_seconds)
            with self._leases.kept(lease):
                return self._record(begun, self._outcome(begun, lease))
        except Superseded:
            return Ended("superseded: another worker has taken over")
        except RedisError as error:
            self._log.warning("Redis is away; the due index continues this", error=str(error))
            return Ended("Redis is away: continued later")

    def _outcome(self, begun: Begun, lease: Lease) -> Outcome | StepError:
        """Run the step; what it raises is its answer too."""
        try:
            tenant = self._resolve(begun)
            answer = self._step.function(tenant, begun.handles, self._aws(tenant, lease))
        except (Superseded, RedisError):
            raise
        except StepError as error:
            return error
        except Exception as error:  # noqa: BLE001 (a defect of ours must end visibly, not loop)
            self._log.exception("the step is defective")
            name = type(error).__name__
            return PermanentError(name, str(error), remedy="This is a defect of the connector: report it with its log.")
        return self._done(begun, answer) if isinstance(answer, Done) else self._wait(begun, answer)

    def _resolve(self, begun: Begun) -> Tenant:
        catalog = self._connector.catalog
        platform = catalog.platforms.get(self._tenant.platform)
        zone = catalog.landing_zones.get(begun.desired.landing_zone)
        if platform is None or zone is None:
            missing = self._tenant.platform if platform is None else begun.desired.landing_zone
            raise PermanentError(
                "UnknownConfiguration",
                f"{missing} is not in the configuration directory of this worker",
                remedy="Put its document back or order the tenant with another one, restart the workers, then retry.",
            )
        return Tenant(self._tenant, begun.desired, platform, zone)

    def _aws(self, tenant: Tenant, lease: Lease) -> Aws:
        settings = self._connector.settings
        run = Run(
            now=_now,
            remember=lease.renew,
            places=ReplicationPlaces(self._connector.store, self._replication),
            limits={
                Lane.ACCOUNT_CREATION: settings.account_creation_limit,
                Lane.ACCOUNT_ASSIGNMENT: settings.account_assignment_limit,
                Lane.STACK_SET_OPERATION: settings.stack_set_operation_limit,
            },
            lookup_grace=settings.lookup_grace_seconds,
            observer=Observer(before_write=lease.check, after_call=self._observe),
        )
        return Aws(tenant.platform, self._connector.sessions, run)

    def _observe(self, call: CallRecord) -> None:
        """Log every call; writes also go to the tenant's events. Neither may spoil AWS's answer."""
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
            self._connector.store.emit(str(self._tenant), {**event, **fields})
        except RedisError as error:
            self._log.warning("a write is missing in the events", error=str(error), **fields)

    def _record(self, begun: Begun, outcome: Outcome | StepError) -> Ended:
        failure = outcome if isinstance(outcome, PermanentError) else None
        if isinstance(outcome, StepError):
            outcome = self._failed(begun, outcome)
            failure = failure or _given_up(outcome)
        if not self._connector.store.record(self._replication, self._holder, outcome):
            return Ended("superseded: another worker has taken over")
        note = outcome.document.note or ""
        self._log.info(note, state=str(outcome.document.state))
        return Ended(note, goes_on=outcome.advance and outcome.state is State.RUNNING, failure=failure)

    def _done(self, begun: Begun, answer: Done) -> Outcome:
        now = _now()
        document = self._document(begun).model_copy(
            update={"state": State.SUCCEEDED, "note": answer.note, "ended_at": now, "last_error": None}
        )
        last = self._index == len(REPLICATION) - 1
        return Outcome(
            step=self._index,
            document=document,
            state=State.SUCCEEDED if last else State.RUNNING,
            due=self._connector.settings.lease_seconds,
            advance=True,
            handles=answer.handles,
        )

    def _wait(self, begun: Begun, answer: Wait) -> Outcome:
        pace = Pace.read(begun.pace)
        document = self._document(begun).model_copy(
            update={"state": State.WAITING, "note": answer.note, "last_error": None}
        )
        first = self._connector.settings.poll_seconds
        interval = poll_interval(first, pace, random(), brisk=answer.brisk)  # noqa: S311 (jitter)
        return Outcome(
            step=self._index,
            document=document,
            state=State.WAITING,
            due=interval if answer.retry_in is None else answer.retry_in,
            handles=answer.handles,
            pace=pace.polled().document(),
        )

    def _failed(self, begun: Begun, error: StepError) -> Outcome:
        now, pace = _now(), Pace.read(begun.pace)
        document = self._document(begun).model_copy(update={"note": str(error), "last_error": _shown(error)})
        waiting = Outcome(
            step=self._index,
            document=document.model_copy(update={"state": State.WAITING}),
            state=State.WAITING,
        )
        if isinstance(error, LaneFull):
            calm = waiting.document.model_copy(update={"note": error.message, "last_error": None})
            return replace(waiting, document=calm, due=LANE_RECHECK, pace=begun.pace, lane=error.lane)
        pace = pace.failed(now)
        deadline: timedelta = self._connector.settings.step_deadline_seconds
        if isinstance(error, TransientError) and pace.failing_for(now) < deadline:
            interval = retry_interval(replace(pace, failures=pace.failures - 1), error.retry_after, random())  # noqa: S311
            return replace(waiting, due=interval, pace=pace.document(), error=document.last_error)
        ended = document.model_copy(update={"state": State.FAILED, "ended_at": now})
        return Outcome(step=self._index, document=ended, state=State.FAILED, error=document.last_error)

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


def _given_up(outcome: Outcome) -> PermanentError | None:
    """A transient error that lasted beyond the step's deadline ends the replication like a permanent one."""
    if outcome.state is not State.FAILED or outcome.error is None:
        return None
    return PermanentError(outcome.error.code, outcome.error.message, outcome.error.request_id, outcome.error.remedy)


def _shown(error: StepError) -> LastError:
    return LastError(code=error.code, message=error.message, request_id=error.request_id, remedy=error.remedy)


def _now() -> datetime:
    return datetime.now(UTC)
