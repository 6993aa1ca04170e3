"""What the API answers with. It takes `tasks.model.Desired`, and shows replications as `tasks.model.Replication`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, JsonValue
from pydantic.alias_generators import to_camel

from tasks.doctor.finding import Finding, Level
from tasks.documents import Drift, Plan, QuestionState, UnmanagedAccount
from tasks.metering.documents import BudgetRow, IdleTenant, Statement, UnreadableBudget, UsageReport
from tasks.model.desired import Deletion, Pause, TenantId, Text
from tasks.model.replication import ENDED, Held, LastError, Replication, State, StepState, held_by

if TYPE_CHECKING:  # only for annotations: the client reads this module, and needs neither Redis's client nor Celery
    from tasks.orders.rollout import Progress
    from tasks.state.questions import Question
    from tasks.state.records import TenantRecord, TenantSummary


class View(BaseModel):
    """A part of an answer: camelCase outside; fields that newer servers add are let through."""

    model_config = ConfigDict(
        frozen=True,
        alias_generator=to_camel,
        populate_by_name=True,
        defer_build=True,  # a command needs a few of these, and each costs it milliseconds; the API builds all
    )

    @classmethod
    def build(cls) -> None:
        """Make the validators of every part of an answer, as FastAPI expects them."""
        for part in cls.__subclasses__():
            part.model_rebuild()
            part.build()


STILL_IN = "people without an order who still have access: for seconds, or as long as the tenant is paused"


class AcceptedView(View):
    """A request that is stored: from now on nothing forgets it."""

    tenant: str = Field(examples=["likvid.shop.aws.sandbox"])
    replication_id: str = Field(examples=["6d0c1a9c4f0e4b0fa4a3f0c1d2e3b4a5"])
    state: State
    still_in: int = Field(default=0, description=STILL_IN)


class TenantRow(View):
    """One row of the list of tenants."""

    tenant: str = Field(examples=["likvid.shop.aws.sandbox"])
    workspace: str
    project: str
    platform: str = Field(description="<platform>.<location>", examples=["aws.sandbox"])
    landing_zone: str
    status: State
    account_id: str | None = None
    updated_at: datetime = Field(description="time of the last change of its order, state or AWS ids")
    paused: Pause | None = Field(default=None, description="it, or its platform, is paused; nothing runs")
    held_by: Held | None = Field(default=None, description="what holds it up until a person acts; null: nothing does")
    deleted: bool = Field(default=False, description="it was deleted; a new order creates it again")


class TenantView(TenantRow):
    """A tenant: what was ordered, what AWS gave us, and how its newest replication fares."""

    desired: dict[str, JsonValue] = Field(description="the desired state, as in the PUT body")
    alias: str | None = None
    organizational_unit: str | None = Field(default=None, description="id of the OU that holds the account")
    sign_in_url: str | None = None
    replication_id: str
    gate: str | None = Field(default=None, description="what AWS refuses to others too: all wait for it together")
    steps: list[StepState] = Field(description="empty if the newest replication is no longer stored")
    last_error: LastError | None = None
    created_at: datetime
    deletion: Deletion | None = Field(default=None, description="the deletion request")
    deleted_at: datetime | None = None
    still_in: int = Field(default=0, description=STILL_IN)
    still_in_since: datetime | None = Field(default=None, description="since when they have no order; null: nobody is")


class HealthView(View):
    """Findings of the doctor on a platform, or that a worker still looks."""

    platform: str = Field(description="<platform>.<location>", examples=["aws.sandbox"])
    state: QuestionState = Field(description="PENDING until a worker has checked; FAILED if it could not")
    asked_at: datetime
    answered_at: datetime | None = None
    healthy: bool | None = Field(
        default=None, description="true if no finding is an error; null until a worker has checked"
    )
    findings: list[Finding] = []
    failure: str | None = Field(default=None, description="why it could not be checked")


class PlanView(View):
    """What a replication would change, or that a worker still plans it."""

    id: str
    state: QuestionState = Field(description="PENDING until a worker has planned; FAILED if it could not")
    asked_at: datetime
    answered_at: datetime | None = None
    plan: Plan | None = None
    failure: str | None = Field(default=None, description="why the plan failed")


class RolloutView(View):
    """A rollout of a landing zone: how the replications of its tenants fare."""

    id: str
    landing_zone: str
    platform: str | None = Field(default=None, description="<platform>.<location>; none: every platform")
    requested_at: datetime
    requested_by: str | None = Field(default=None, description="name of the API token")
    ended: bool = Field(description="whether all replications have ended")
    states: dict[State, int] = Field(description="number of replications by state")
    replications: list[Replication] = Field(
        description="one for each tenant, with only its failed steps and its next one"
    )
    refused: dict[str, str] = Field(description="tenant: why its current configuration cannot be replicated")
    paused: list[str] = Field(default=[], description="skipped tenants: they, or their platform, are paused")


class DriftView(View):
    """The tenants that differ, or differed at the last daily look."""

    tenants: list[Drift]


class UnmanagedView(View):
    """The accounts that no tenant owns."""

    accounts: list[UnmanagedAccount]


class PausedView(View):
    """A tenant or a platform for which nothing runs."""

    name: str = Field(examples=["likvid.shop.aws.sandbox", "aws.sandbox"])
    paused_at: datetime
    paused_by: str | None = Field(default=None, description="name of the API token")
    reason: str | None = None


class PauseBody(View):
    """Why something is paused."""

    model_config = ConfigDict(extra="forbid")

    reason: Text | None = Field(default=None, max_length=200, description="the reason, shown to others")


class PausesView(View):
    """Everything that is paused, sorted by name."""

    pauses: list[PausedView]


class HistoryView(View):
    """A tenant's replications, the newest first."""

    replications: list[Replication]


class AgainBody(View):
    """How to replicate a tenant again."""

    model_config = ConfigDict(extra="forbid")

    first: str | None = Field(
        default=None, alias="from", description="name of the first step to run; earlier ones are skipped"
    )


class PageView(View):
    """Where a page stands among all; numbers count from 0."""

    number: int
    size: int
    total_elements: int
    total_pages: int


class TenantPage(View):
    """One page of the list of tenants, sorted by name."""

    tenants: list[TenantRow]
    page: PageView


def page_of(number: int, size: int, total: int) -> PageView:
    """Return where a page stands among all."""
    return PageView(number=number, size=size, total_elements=total, total_pages=-(-total // size))


class ReportPage(View):
    """One page of usage reports, by platform and account."""

    reports: list[UsageReport]
    page: PageView


class StatementsView(View):
    """What payment methods are charged for a month."""

    month: str
    statements: list[Statement]


class IdleView(View):
    """Tenants whose accounts have cost nothing for 30 days."""

    tenants: list[IdleTenant]


class BudgetsView(View):
    """Budgets, those of which most is used first."""

    month: str
    budgets: list[BudgetRow]
    unreadable: list[UnreadableBudget] = Field(default_factory=list, description="texts that are no budgets")


class Readiness(View):
    """That orders are taken, and who works on them."""

    redis: str = "ok"
    workers: int = Field(description="workers that are online; 0: orders wait")
    rejected_messages: int = Field(
        description="messages in the queue that the connector did not send; if not 0, see the logs"
    )


class FieldProblem(View):
    """One field that is wrong."""

    field: str = Field(examples=["access[0].roles"])
    value: str
    message: str = Field(description="what is allowed")


class Problem(View):
    """A problem document as in RFC 9457."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    instance: str
    errors: list[FieldProblem] | None = Field(default=None, description="with 400 and 422: what is wrong where")


def tenant_row(summary: TenantSummary, pauses: Mapping[str, Pause], waiting: Mapping[str, Held]) -> TenantRow:
    """Show one row of the list; `waiting` are the replications that wait for a person."""
    paused = pauses.get(str(summary.id)) or pauses.get(summary.id.platform)
    return TenantRow(
        **_names(summary.id),
        landing_zone=summary.landing_zone,
        status=summary.state,
        account_id=summary.account_id,
        updated_at=summary.updated_at,
        paused=paused,
        held_by=Held.PAUSED if paused else waiting.get(summary.replication),
        deleted=summary.deleted,
    )


def tenant_view(record: TenantRecord, replication: Replication | None, still_in: int) -> TenantView:
    """Show a tenant with its newest replication; None: that one is forgotten already."""
    return TenantView(
        **_names(record.id),
        landing_zone=record.desired.landing_zone,
        desired=record.desired.model_dump(mode="json", by_alias=True, exclude_unset=True),
        status=record.state,
        account_id=record.handles.account_id,
        alias=record.handles.alias,
        organizational_unit=record.handles.organizational_unit,
        sign_in_url=record.handles.sign_in_url,
        replication_id=record.replication,
        gate=replication.gate if replication else None,
        steps=replication.steps if replication else [],
        last_error=replication.last_error if replication else None,
        created_at=record.created_at,
        deletion=record.deletion,
        paused=record.paused,
        held_by=Held.PAUSED if record.paused else held_by(replication.steps if replication else ()),
        deleted=record.deleted_at is not None,
        deleted_at=record.deleted_at,
        still_in=still_in,
        still_in_since=_since(record, replication) if still_in else None,
        updated_at=record.updated_at,
    )


def _since(record: TenantRecord, replication: Replication | None) -> datetime:
    """Say since when people have no order any more, as exactly as is known."""
    if replication is None:
        return record.updated_at
    return replication.withdrawing_since or replication.requested_at


def rollout_view(progress: Progress) -> RolloutView:
    """Show the progress of a rollout."""
    states = Counter(replication.state for replication in progress.replications)
    return RolloutView(
        **progress.rollout.model_dump(exclude={"replications"}),
        ended=ENDED.issuperset(states),
        states=states,
        replications=progress.replications,
    )


def _names(tenant: TenantId) -> dict[str, str]:
    names = {"workspace": tenant.workspace, "project": tenant.project, "platform": tenant.platform}
    return {"tenant": str(tenant), **names}


def plan_view(plan_id: str, question: Question) -> PlanView:
    """Make the answer for what a worker was asked to plan."""
    return PlanView(
        id=plan_id,
        state=question.state,
        asked_at=question.asked_at,
        answered_at=question.answered_at,
        plan=Plan.model_validate(question.answer) if question.state is QuestionState.DONE else None,
        failure=question.answer if question.state is QuestionState.FAILED else None,
    )


def health_view(platform: str, question: Question) -> HealthView:
    """Make the answer for what a worker was asked to look at."""
    done = question.state is QuestionState.DONE
    findings = [Finding.model_validate(each) for each in question.answer] if done else []
    return HealthView(
        platform=platform,
        state=question.state,
        asked_at=question.asked_at,
        answered_at=question.answered_at,
        healthy=all(each.level is not Level.ERROR for each in findings) if done else None,
        findings=findings,
        failure=question.answer if question.state is QuestionState.FAILED else None,
    )
