"""Where a tenant stands, in sentences: why, what happens by itself, and what a person can do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from config.printable import counted, people
from tasks.chain import DELETION
from tasks.model.replication import Held, LastError, Replication, State, StepState, WaitsFor
from workers.api.schemas import TenantView

BY_ITSELF = "You don't need to do anything."


HELD = {Held.PARKED: "needs a person", Held.APPROVAL: "needs approval", Held.PAUSED: "paused"}  # in tables

PLACES = {  # one, and many
    "QUEUED": ("is queued", "are queued"),
    "RUNNING": ("runs", "run"),
    "WAITING": ("waits", "wait"),
    "PARKED": ("waits for a person", "wait for a person"),
    "APPROVAL": ("waits for approval", "wait for approval"),
    "PAUSED": ("is paused", "are paused"),
}


def place(state: str, number: int) -> str:
    """Say where some replications stand that have not ended.

    >>> place("PARKED", 1), place("RUNNING", 3)
    ('waits for a person', 'run')
    """
    one, many = PLACES.get(state, (state.lower(), state.lower()))
    return one if number == 1 else many


def kind_of(replication: Replication) -> str:
    """Say what a replication does, or did: it takes a tenant away, or makes it as it was ordered."""
    steps = replication.steps
    return "deletion" if steps and steps[-1].name == DELETION.steps[-1].name else "replication"


def sentence(error: LastError) -> str:
    """Say what AWS said, and what to do about it."""
    request = f" (AWS request id {error.request_id})" if error.request_id else ""
    return f"{error.code}: {error.message}{request}. {error.remedy}"


def standing(view: TenantView, shown: Callable[[datetime], str], how: Callable[[str], str]) -> Iterator[str]:
    """Yield the sentences, the first one says what is the matter.

    shown   writes a moment as the reader wants it
    how     says what the reader does to `retry` or `resume` this tenant: "run aws-connector …"
    """
    if view.paused is not None:
        reason = f": {view.paused.reason}" if view.paused.reason else ""
        by = f" by {view.paused.paused_by}" if view.paused.paused_by else ""
        yield f"{view.tenant} has been paused since {shown(view.paused.paused_at)}{by}{reason}. Nothing runs for it."
        yield f"To continue, {how('resume')}; if its platform is paused, resume the platform."
    elif view.status is State.FAILED:
        yield from _failed(view, how)
    elif view.status is State.CANCELLED:
        yield f"The last replication of {view.tenant} was cancelled, so the account may be only partly set up."
        yield f"To start it again, {how('retry')}."
    elif view.status is State.SUCCEEDED:
        yield from _settled(view, shown)
    else:
        yield from _under_way(view, shown, how)
    if view.still_in:
        has = "has" if view.still_in == 1 else "have"
        since = f", since {shown(view.still_in_since)}" if view.still_in_since else ""
        yield f"{people(view.still_in)} {has} access that no order gives them{since}."


def _settled(view: TenantView, shown: Callable[[datetime], str]) -> Iterator[str]:
    if view.deleted_at is not None:
        yield f"{view.tenant} has been deleted ({shown(view.deleted_at)}). A new order creates it again."
        return
    account = f": account {view.account_id}" if view.account_id else ""
    yield f"{view.tenant} matches its order{account}. Last change: {shown(view.updated_at)}."
    yield BY_ITSELF


def _failed(view: TenantView, how: Callable[[str], str]) -> Iterator[str]:
    failed = [step for step in view.steps if step.state is State.FAILED]
    if not failed:
        yield f"The last replication of {view.tenant} failed{_because(view.last_error)}"
    told: set[tuple[str, str]] = set()
    for step in failed:
        yield f"{view.tenant} failed at {step.name}{_because(step.last_error, told)}"
    skipped = sum(step.state is State.CANCELLED for step in view.steps)
    if skipped:
        yield f"{counted(skipped, 'step')} did not run because of this."
    yield f"Then {how('retry')}."


def _because(error: LastError | None, told: set[tuple[str, str]] | None = None) -> str:
    """Say why; of the same code and remedy that were told before, no more than that."""
    if error is None:
        return "."
    before = told or set()
    known = (error.code, error.remedy) in before
    if told is not None:
        told.add((error.code, error.remedy))
    return f" for the same reason, {error.code}." if known else f": {sentence(error)}"


def _under_way(view: TenantView, shown: Callable[[datetime], str], how: Callable[[str], str]) -> Iterator[str]:
    what = "is being deleted" if view.deletion else "is under way"
    steps = [step for step in view.steps if step.state in (State.RUNNING, State.WAITING)]
    if not steps:
        yield f"{view.tenant} {what} and waits for a worker to take it."
        yield f"{BY_ITSELF} If this does not change, check that workers are running: aws-connector doctor."
    for step in steps:
        yield from _at(view, what, step, shown, how)


def _at(
    view: TenantView, what: str, step: StepState, shown: Callable[[datetime], str], how: Callable[[str], str]
) -> Iterator[str]:
    tenant = view.tenant
    since = f", since {shown(step.started_at)}" if step.started_at else ""
    if step.state is State.RUNNING:
        yield f"{tenant} {what}: a worker runs {step.name}{since}."
        yield BY_ITSELF
        return
    if step.waits_for is WaitsFor.PERSON and step.last_error is not None:
        together = f", with all tenants that need the {view.gate}" if view.gate else ""
        yield f"{tenant} {what}: {step.name} waits for a person{since}{together}: {sentence(step.last_error)}"
        yield f"To try at once, {how('retry')}."
    elif step.last_error is not None:
        tried = f"{step.name} has been tried {counted(step.attempts, 'time')}{since}, and will be retried automatically"
        yield f"{tenant} {what}: {tried}: {sentence(step.last_error)}"
    elif step.waits_for is WaitsFor.PERSON:
        yield f"{tenant} {what}: {step.name} waits for a person{since}: {step.note or 'somebody must decide'}."
    else:
        waits = f"{step.name} waits{since}: {step.note or 'for AWS'}"
        yield f"{tenant} {what}: {waits}. It continues automatically."
    if step.deadline is not None:
        yield f"If it is still waiting after its deadline ({shown(step.deadline)}), it fails."
