"""What a replication would change: the tenant's own chain, run with an AWS whose writes are only noted.

Nothing is written, neither to AWS nor to the tenant's record. A step that waits for AWS is run again at once, because
what is planned counts as done well (`tasks/aws/planning/planned_reads.py`); one that waits for somebody else is left
waiting, and the plan goes on as if the wait were over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from pydantic import JsonValue

from tasks.aws import Aws
from tasks.aws.planning.planned import Change, Planned
from tasks.aws.planning.planning_aws import PlanningAws
from tasks.aws.purpose import Purpose
from tasks.chain import DELETION, REPLICATION
from tasks.documents import Plan, PlannedChange, PlannedStep
from tasks.errors import PermanentError, StepError
from tasks.model.desired import Deletion, Desired, Tenant, TenantId
from tasks.model.handles import Handles
from tasks.model.replication import Done
from tasks.questions.kinds import PLAN, read_plan_text
from tasks.questions.known_tags import KnownTags
from tasks.questions.plan_sentences import sentence
from tasks.resolve import resolved
from tasks.state.masking import masked_error, shown_error
from tasks.state.records import TenantRecord
from tasks.step import Chain, Step
from tasks.steps import run_step
from tasks.worker import Worker

MOST_RUNS = 50  # of one step; the longest way, out of a failed enrollment in Control Tower, takes six
LONGEST_TEXT = 2000  # characters of a parameter; a template may have 51,200
log = structlog.get_logger(__name__)


class NothingToPlan(ValueError):
    """The tenant has nothing that a replication would do."""


def answer_plan(worker: Worker, asked: str) -> JsonValue:
    """Plan what a question asks for; raises NothingToPlan, or PermanentError for an unknown configuration."""
    plan = make_plan(worker, *read_plan_text(asked))
    answer: JsonValue = plan.model_dump(mode="json", by_alias=True, exclude_none=True)
    return answer


def make_plan(worker: Worker, name: TenantId, desired: Desired | None) -> Plan:
    """Plan the next replication of a tenant; with a desired state, as if that had been ordered now."""
    record = worker.store.tenants.find(name)
    handles = record.handles if record is not None else Handles()
    wanted = desired if desired is not None or record is None else record.desired
    if wanted is None:
        raise NothingToPlan(f"Nobody has ordered the tenant {name}.")
    deletion = _deletion(record) if desired is None else None
    chain = DELETION if deletion is not None else REPLICATION
    tenant = resolved(worker.catalog, name, wanted, handles, deletion)
    return Planner(worker, tenant, chain, handles).plan()


def _deletion(record: TenantRecord | None) -> Deletion | None:
    """Return the request to delete the tenant that is still to be carried out."""
    if record is None or record.deletion is None:
        return None
    if record.deleted_at is not None:
        raise NothingToPlan(f"The tenant {record.id} was deleted at {record.deleted_at:%F %R} UTC.")
    return record.deletion


@dataclass
class Planner:
    """One plan on its way; `handles` is what would be known by now."""

    worker: Worker
    tenant: Tenant
    chain: Chain
    handles: Handles
    ahead: timedelta = timedelta()  # by which the pauses that steps ask for are skipped
    failed: list[str] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)  # id -> what people call it

    def __post_init__(self) -> None:
        self.planned = Planned(self.tenant.platform)

    def plan(self) -> Plan:
        """Run the chain to its end, as a replication would."""
        steps = []
        index: int | None = 0
        while index is not None:
            steps.append(self._step(self.chain.steps[index]))
            index = self.chain.after(index, self.failed)
        unreachable = self.chain.unreachable(self.failed)
        steps += [
            PlannedStep(name=name, note=f"cannot be planned before {cause}") for name, cause in unreachable.items()
        ]
        order = [step.name for step in self.chain.steps]
        return Plan(
            tenant=str(self.tenant.id),
            chain=self.chain.name,
            planned_at=datetime.now(UTC),
            steps=sorted(steps, key=lambda step: order.index(step.name)),
            changes=sum(len(step.changes) for step in steps),
            errors=sum(step.error is not None for step in steps),
        )

    def _step(self, step: Step) -> PlannedStep:
        before = len(self.planned.changes)
        error: StepError | None = None
        waiting, note = False, ""
        self._meet(self.handles)
        try:
            waiting, note = self._run(step, before)
        except StepError as raised:
            error = masked_error(raised)
        except Exception as defect:
            log.exception("the step cannot be planned", tenant=str(self.tenant.id), step=step.name)
            remedy = "This is a bug in the connector. Report it with the log."
            error = PermanentError(type(defect).__name__, str(defect), remedy=remedy)
        self._meet(self.handles)
        if error is not None or (waiting and self.handles.account_id is None):
            self.failed.append(step.name)
        return PlannedStep(
            name=step.name,
            note=str(error) if error is not None else note,
            changes=[self._told(change) for change in self.planned.changes[before:]],
            waiting=waiting,
            error=None if error is None else shown_error(error),
        )

    def _run(self, step: Step, before: int) -> tuple[bool, str]:
        """Run a step until it is done, or waits for somebody else; answers whether it waits, and its note."""
        ahead, idle, note = self.ahead, 0, ""
        for _ in range(MOST_RUNS):
            self.planned.account = self.handles.account_id
            known, written = self.handles, len(self.planned.changes)
            outcome = run_step(step, self.tenant, self.handles, self._aws())
            self.handles, note = outcome.handles, outcome.note
            if isinstance(outcome, Done):
                return False, note
            ours = len(self.planned.changes) > before
            goes_on = outcome.retry_in == timedelta()  # a portion of its work is done, and nobody is waited for
            idle = 0 if goes_on or len(self.planned.changes) > written else idle + 1
            if idle > 1 or (not ours and self.handles == known):
                break
            if ours and outcome.retry_in is not None:  # a pause after what is planned
                self.ahead += outcome.retry_in
        self.ahead = ahead
        return True, note

    def _aws(self) -> Aws:
        run = self.worker.reading(
            self.tenant.platform,
            counted_as=PLAN,
            now=lambda: datetime.now(UTC) + self.ahead,
            account_created_at=self.handles.account_created_at,
        )
        tags = KnownTags(self.worker.store, self.tenant.platform.management_account_id)
        return PlanningAws(
            self.planned, self.worker.sessions, replace(run, tags=tags, purpose=Purpose(str(self.tenant.id)))
        )

    def _meet(self, handles: Handles) -> None:
        """Learn what people call the users and groups that the tenant has."""
        self.names |= handles.names

    def _told(self, change: Change) -> PlannedChange:
        return PlannedChange(
            call=f"{change.service}:{change.operation}",
            sentence=sentence(change, self.names, self.planned),
            account_id=change.account_id,
            parameters={name: _plain(value) for name, value in change.parameters.items()},
        )


def _plain(value: Any) -> JsonValue:
    """Write a parameter as JSON can hold it; a long text is cut off."""
    match value:
        case str():
            return value if len(value) <= LONGEST_TEXT else f"{value[:LONGEST_TEXT]}…"
        case bytes():
            return _plain(value.decode(errors="replace"))
        case Mapping():
            return {str(name): _plain(each) for name, each in value.items()}
        case list() | tuple():
            return [_plain(each) for each in value]
        case bool() | int() | float() | None:
            return value
        case _:
            return str(value)
