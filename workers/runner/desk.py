"""What is due for one run, done once: order it, look how it stands, report it. Called again until the run has ended.

Every turn begins with the record in Redis and ends with it, so any runner can take the next one. A turn that is taken
twice does no harm: the same order is the same replication, and a report says how things stand.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog

from config import tracing
from tasks.connector import Connector
from tasks.documents import Plan, QuestionState
from tasks.meshstack.errors import Away, Refused
from tasks.meshstack.objects import Objects
from tasks.model.desired import Deletion, Desired
from tasks.model.replication import ENDED, Replication, State
from tasks.orders.producer import RequestRefused, check, replicate, withdraw
from tasks.questions import ask, look
from tasks.questions.kinds import PLAN, plan_text
from tasks.state.records import TenantRecord
from workers.runner import planned, refusals, report, words
from workers.runner.completion import complete
from workers.runner.inputs import CALL, BadRun, refusal
from workers.runner.record import Approved, Behavior, Final, RunRecord, Stage, Status, StepReport, Wanted
from workers.runner.reporting import OpenRun, Over, Reporter

log = structlog.get_logger(__name__)
PATIENCE = timedelta(minutes=15)  # for meshStack's own objects, and for a newer run to be ordered
PLAN_NAME = "run-{}"
BY = "meshStack run {}"


def _wanted(record: RunRecord) -> Wanted:
    """Return what a run wants; one that does not say has ended before its first turn."""
    if record.wanted is None:
        raise ValueError("the inputs of the run could not be read")
    return record.wanted


@dataclass(frozen=True)
class Desk:
    """Takes turns. One may raise Away, Refused or redis.RedisError, and is then taken again, or NotHeld."""

    connect: Callable[[], Connector]
    reporter: Reporter
    objects: Objects

    @property
    def connector(self) -> Connector:
        """The connector with the configuration that is in force now."""
        return self.connect()

    def turn(self, run: OpenRun) -> bool:
        """Do what is due for a run; answers whether it has ended."""
        with suppress(Over):
            self._turn(run)
        return run.record.stage is Stage.ENDED

    def _turn(self, run: OpenRun) -> None:
        match run.record.stage:
            case Stage.PREPARING:
                self._prepare(run)
            case Stage.CHECKING | Stage.PLANNING:
                self._look_at_plan(run)
            case Stage.WORKING:
                self._look_at_replication(run)
        if run.record.stage is Stage.ENDING:
            self.reporter.end(run)

    # Preparing

    def _prepare(self, run: OpenRun) -> None:
        wanted = _wanted(run.record)
        self.reporter.report(run, report.initial(refusals.chain_of(run.record)))
        try:
            with tracing.begin(f"meshStack run {run.record.behavior}", {"meshstack.run": run.record.uuid}):
                self._take_up(run, wanted)
        except BadRun as bad:
            self._refuse(run, bad)
        except RequestRefused as refused:
            self._refuse(run, self._refusal(run, refused))

    def _take_up(self, run: OpenRun, wanted: Wanted) -> None:
        match Behavior(run.record.behavior):
            case Behavior.DESTROY:
                self._order_deletion(run, wanted)
            case Behavior.DETECT:
                self._ask_for_plan(run, self._desired(run, wanted), Stage.PLANNING)
            case Behavior.APPLY:
                self._apply(run, wanted)

    def _apply(self, run: OpenRun, wanted: Wanted) -> None:
        newest = self.connector.store.runs.newest(run.record.block)
        if newest is not None and newest[0] > run.record.number:
            self._follow_newer(run, wanted, newest[0])
            return
        desired = self._desired(run, wanted)
        approved = self._approved(run)
        if approved is None:
            self._order(run, wanted, desired)
        else:
            self._ask_for_plan(run, desired, Stage.CHECKING, approved)

    def _desired(self, run: OpenRun, wanted: Wanted) -> Desired:
        """Complete what the run wants and check it; raises BadRun, RequestRefused or Away.

        Whoever is to have no access any more loses it also when the rest cannot be ordered.
        """
        known = self.connector.store.tenants.find(wanted.tenant)
        desired = self._completed(run, wanted, known)
        if mistakes := tuple(check(wanted.tenant, desired, self.connector.catalog, self.connector.settings, known)):
            if known is not None and run.record.behavior == Behavior.APPLY:
                withdraw(known, desired, by=BY.format(run.record.uuid), connector=self.connector)
            raise RequestRefused(mistakes)
        return desired

    def _completed(self, run: OpenRun, wanted: Wanted, known: TenantRecord | None) -> Desired:
        """Complete what the run wants; raises Away as long as that is worth waiting for, then BadRun."""
        try:
            return complete(wanted, known, self.connector.catalog.runner, self.objects)
        except Away as away:
            if self._waits_since(run.record) < PATIENCE:
                raise
            raise BadRun(
                "meshStack's own data about the project could not be read. Please try again later.",
                f"meshStack could not be asked for tenant, project or workspace: {away}. Start the run again.",
            ) from away

    def _order(self, run: OpenRun, wanted: Wanted, desired: Desired) -> None:
        """Order the tenant; the same order again is the same replication."""
        tenant, by = wanted.tenant, BY.format(run.record.uuid)
        if wanted.tenant_uuid is not None:
            self.connector.store.runs.name_tenant(tenant, wanted.tenant_uuid)
        accepted = replicate(
            tenant.workspace, tenant.project, tenant.platform, desired, again=True, by=by, connector=self.connector
        )
        self.reporter.note(run, stage=Stage.WORKING, desired=None, replication=accepted.replication)
        log.info("ordered", run=run.record.uuid, tenant=str(tenant), replication=accepted.replication)

    def _order_deletion(self, run: OpenRun, wanted: Wanted) -> None:
        newest = self.connector.store.runs.newest(run.record.block)
        if newest is not None and newest[0] > run.record.number:
            raise BadRun(*refusals.replaced(newest[0]))
        owner = self.connector.store.runs.named_tenant(wanted.tenant)
        if owner is not None and wanted.tenant_uuid is not None and owner != wanted.tenant_uuid:
            raise BadRun(*refusals.of_another(wanted, owner))
        record = self.connector.store.tenants.find(wanted.tenant)
        unknown = self._as_ordered(run, wanted) if record is None else None
        deletion = Deletion(requested_at=datetime.now(UTC), requested_by=BY.format(run.record.uuid))
        replication = self.connector.store.orders.delete(wanted.tenant, deletion, unknown)
        self.reporter.note(run, stage=Stage.WORKING, replication=replication)
        log.info("deletion ordered", run=run.record.uuid, tenant=str(wanted.tenant), replication=replication)

    def _as_ordered(self, run: OpenRun, wanted: Wanted) -> Desired:
        """Say how a tenant that nobody knows was ordered, as far as its deletion needs that; an account may be there.

        Raises RequestRefused when no such tenant can ever have been.
        """
        desired = self._completed(run, wanted, None)
        mistakes = check(wanted.tenant, desired, self.connector.catalog, self.connector.settings)
        wrong = tuple(each for each in mistakes if each.field in ("workspace", "project", "platform", "landingZone"))
        if wrong:
            raise RequestRefused(wrong)
        return desired

    def _follow_newer(self, run: OpenRun, wanted: Wanted, number: int) -> None:
        """Let a newer run of the building block decide what is done, and wait for that."""
        record = self.connector.store.tenants.find(wanted.tenant)
        if record is not None and record.deletion is None:
            self.reporter.note(run, stage=Stage.WORKING, replication=record.replication)
        elif record is not None or self._waits_since(run.record) > PATIENCE:
            raise BadRun(*refusals.replaced(number))

    def _waits_since(self, record: RunRecord) -> timedelta:
        return datetime.now(UTC) - record.claimed_at

    # Plans

    def _approved(self, run: OpenRun) -> Approved | None:
        """Return what was approved before this run; None: it follows no plan. Raises BadRun when it is lost."""
        record = run.record
        if record.artifact_link is None:
            return self._planned_before(record.predecessor) if record.predecessor else None
        try:
            approved = planned.read_artifact(self.reporter.runs.artifact(record.address(run.token)))
        except Refused as refused:
            raise BadRun(*refusals.no_plan(f"it cannot be read from meshStack ({refused})")) from refused
        if approved is None:
            raise BadRun(*refusals.no_plan("what meshStack has kept of it was not written by this connector"))
        return approved

    def _planned_before(self, predecessor: str) -> Approved | None:
        """Return what the run before this one has planned; None: it was no dry run. Raises BadRun when it is lost."""
        found = self.connector.store.runs.find(predecessor)
        known = None if found is None else RunRecord.model_validate_json(found)
        if known is not None and known.plan is not None:
            return known.plan
        behavior = self.reporter.runs.behavior(predecessor) if known is None else known.behavior
        if behavior == Behavior.DETECT:
            raise BadRun(*refusals.no_plan(f"what the dry run {predecessor} has planned is not known any more"))
        return None

    def _ask_for_plan(self, run: OpenRun, desired: Desired, stage: Stage, approved: Approved | None = None) -> None:
        """Let a worker plan."""
        name = PLAN_NAME.format(run.record.uuid)
        question = ask(self.connector, PLAN, name, plan_text(_wanted(run.record).tenant, desired))
        self.reporter.note(run, stage=stage, desired=desired, question=question.id, approved=approved)

    def _look_at_plan(self, run: OpenRun) -> None:
        record = run.record
        question = look(self.connector, record.question or "")
        if question is None:  # it took longer than questions are kept
            self.reporter.note(run, stage=Stage.PREPARING)
        elif question.state is QuestionState.PENDING:
            self.reporter.report(run, report.initial(refusals.chain_of(record)))
        elif question.state is QuestionState.FAILED:
            self._refuse(run, BadRun(f"It could not be planned. {CALL}", f"The plan failed: {question.answer}"))
        elif record.stage is Stage.PLANNING:
            self._planned(run, Plan.model_validate(question.answer))
        else:
            self._check_plan(run, Plan.model_validate(question.answer))

    def _planned(self, run: OpenRun, plan: Plan) -> None:
        """End a dry run with the plan."""
        approved = planned.approvable(plan, self._account(run.record))
        good = plan.errors == 0
        told = f"{plan.changes} changes." if plan.changes else planned.NOTHING
        prepared = report.prepared(Status.SUCCEEDED, f"The order is complete. {told}", f"Tenant {plan.tenant}")
        final = Final(
            status=Status.SUCCEEDED if good else Status.FAILED,
            steps=(prepared, *planned.steps(plan)),
            changes_detected=plan.changes > 0,
            artifact=planned.artifact(plan, approved) if good else None,
        )
        self.reporter.note(run, stage=Stage.ENDING, final=final, plan=approved if good else None)

    def _check_plan(self, run: OpenRun, plan: Plan) -> None:
        """Order what was approved; end the run when something else that matters would be done."""
        approved, desired = run.record.approved, run.record.desired
        if approved is None or desired is None:
            raise ValueError("a run without a plan is not checked")
        beyond = planned.beyond(planned.approvable(plan, self._account(run.record)), approved)
        if beyond:
            self._refuse(run, BadRun(*refusals.no_plan(f"it would now also do this: {'; '.join(beyond)}")))
            return
        try:
            self._order(run, _wanted(run.record), desired)
        except RequestRefused as refused:
            self._refuse(run, self._refusal(run, refused))

    def _account(self, record: RunRecord) -> str | None:
        """Return the account that the tenant has, or that is to be taken over."""
        known = self.connector.store.tenants.find(_wanted(record).tenant)
        account = known.handles.account_id if known is not None else None
        return account or (record.desired.platform_tenant_id if record.desired is not None else None)

    # Working

    def _look_at_replication(self, run: OpenRun) -> None:
        record = run.record
        replication = self.connector.store.replications.find(record.replication or "")
        tenant = self.connector.store.tenants.find(_wanted(record).tenant)  # afterwards: what an end has left is in it
        if tenant is None or replication is None:  # Redis has lost it, or it was too long ago
            self.reporter.note(run, stage=Stage.PREPARING, replication=None)
            return
        if replication.state is State.CANCELLED and (newer := self._newer(tenant, record)):
            self.reporter.note(run, replication=newer)
            return
        steps = self._steps(record, replication, tenant)
        if replication.state in ENDED:
            self.reporter.note(run, stage=Stage.ENDING, final=self._final(record, replication, tenant, steps))
        else:
            self.reporter.report(run, steps)

    def _newer(self, tenant: TenantRecord, record: RunRecord) -> str | None:
        """Return the replication that has replaced ours and wants the same end; None: there is none."""
        goes = tenant.deletion is not None
        same_end = goes == (record.behavior == Behavior.DESTROY)
        return tenant.replication if same_end and tenant.replication != record.replication else None

    def _steps(self, record: RunRecord, replication: Replication, tenant: TenantRecord) -> tuple[StepReport, ...]:
        accepted = words.QUEUED if replication.state is State.QUEUED else "The order is accepted."
        prepared = report.prepared(Status.SUCCEEDED, accepted, f"Tenant {tenant.id}, replication {replication.id}")
        found = report.of_replication(replication, paused=tenant.paused is not None)
        return (prepared, *report.never_back(record.reported, found))

    def _final(
        self, record: RunRecord, replication: Replication, tenant: TenantRecord, steps: tuple[StepReport, ...]
    ) -> Final:
        match replication.state:
            case State.SUCCEEDED:
                return Final(status=Status.SUCCEEDED, steps=self._with_outputs(record, tenant, steps))
            case State.CANCELLED:
                user = f"This was stopped, or something newer was ordered for the tenant. {CALL}"
                return Final(status=Status.FAILED, steps=report.cancelled(steps, user))
            case _:
                return Final(status=Status.FAILED, steps=steps)

    def _with_outputs(
        self, record: RunRecord, tenant: TenantRecord, steps: tuple[StepReport, ...]
    ) -> tuple[StepReport, ...]:
        """Let the last step carry the outputs; a deletion has none."""
        if record.behavior != Behavior.APPLY:
            return steps
        catalog = self.connector.catalog
        outputs = report.outputs(catalog.runner.outputs, tenant, catalog)
        return (*steps[:-1], steps[-1].model_copy(update={"outputs": outputs}))

    # Ending

    def _refusal(self, run: OpenRun, refused: RequestRefused) -> BadRun:
        return refusal(refused, self.connector.catalog.runner.inputs, frozenset(_wanted(run.record).secret))

    def give_up(self, run: OpenRun, defect: str) -> None:
        """Decide that a run ends FAILED because of a defect of ours, which others turns only meet again."""
        what = f"This is a bug in the connector ({defect}). Report it with the runner's log."
        self._refuse(run, BadRun(f"The connector could not do this. {CALL}", what))

    def say_less(self, run: OpenRun, refusal: str) -> None:
        """Give up what meshStack keeps refusing: first the artifact of a plan, then everything but the end, FAILED.

        What goes on in AWS goes on. Without this the run would stay in progress until meshStack's time-out, and again.
        """
        final = run.record.final
        if final is not None and final.artifact is not None:
            self.reporter.note(run, final=final.model_copy(update={"artifact": None}))
            return
        self.reporter.note(run, stage=Stage.ENDING, final=refusals.not_shown(run.record, refusal), final_sent=False)

    def _refuse(self, run: OpenRun, bad: BadRun) -> None:
        """Decide that a run ends FAILED, with a sentence for the team and one for operators."""
        self.reporter.note(run, stage=Stage.ENDING, final=refusals.refused(run.record, bad))
        log.warning("the run is refused", run=run.record.uuid, reason=bad.system)
