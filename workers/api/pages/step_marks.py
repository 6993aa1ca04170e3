"""How steps look: each has one mark, and a row of them one sentence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tasks.model.lane import refused_of
from tasks.model.replication import State, StepState, WaitsFor
from workers.api.pages.rendering import words

WAITS = {WaitsFor.PERSON: "person", WaitsFor.PLACE: "place", WaitsFor.TURN: "place", WaitsFor.RETRY: "retry"}
LOOKS = {
    State.QUEUED: "queued",
    State.RUNNING: "running",
    State.FAILED: "failed",
    State.CANCELLED: "skipped",
}


@dataclass(frozen=True)
class Mark:
    """How a step looks."""

    name: str
    look: str  # a class of the stylesheet


def marks(steps: Iterable[StepState]) -> list[Mark]:
    """Return the mark of each step."""
    return [Mark(step.name, look(step)) for step in steps]


def look(step: StepState) -> str:
    """Return the class of a step."""
    if step.state is State.SUCCEEDED:
        return "done" if step.attempts else "idle"
    if step.state is State.WAITING:
        return WAITS.get(step.waits_for or WaitsFor.AWS, "aws")
    return LOOKS[step.state]


def progress(steps: Sequence[StepState]) -> str:
    """Say how far a replication is."""
    if not steps:
        return "its steps are no longer kept"
    ended = sum(step.state is State.SUCCEEDED for step in steps)
    at = current(steps)
    return f"{ended} of {len(steps)} steps done" + (f", {words(at.state)} at {words(at.name)}" if at else "")


def current(steps: Iterable[StepState]) -> StepState | None:
    """Return the step that a person asks about: one that failed, else the one that runs or waits."""
    steps = list(steps)
    for wanted in ((State.FAILED,), (State.RUNNING, State.WAITING)):
        if found := next((step for step in steps if step.state in wanted), None):
            return found
    return None


def now_at(steps: Iterable[StepState], gate: str | None = None) -> str:
    """Say in one line what a tenant does just now; nothing when it is done.

    gate   what it waits for with others, if it does
    """
    step = current(steps)
    if step is None:
        return ""
    if gate is not None:
        return f"waits for {refused_of(gate)[0]}"
    if step.last_error is not None:  # what AWS says of it is long, and stands on the tenant's page
        return f"{words(step.name)}: {step.last_error.code}"
    return f"{words(step.name)}: {step.note}" if step.note else words(step.name)
