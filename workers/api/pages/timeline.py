"""A replication on a line of time: when each step ran, and when it waited for what. Made of the tenant's events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tasks.model.replication import ENDED, Replication, State, StepState, WaitsFor
from workers.api.pages.rendering import lasting
from workers.api.pages.step_marks import WAITS

Change = tuple[datetime, State, str]  # when, to what, and how the bar looks that begins then
WIDTH = 1000  # units of the drawing
THINNEST = 3


@dataclass(frozen=True)
class Bar:
    """A part of a line."""

    look: str  # a class of the stylesheet
    x: float
    width: float
    title: str


@dataclass(frozen=True)
class Line:
    """One step."""

    step: StepState
    bars: list[Bar]
    took: timedelta | None  # None: it has not begun, or had nothing to do


def lines(replication: Replication, events: Iterable[Mapping[str, Any]], now: datetime) -> list[Line]:
    """Draw a replication.

    events   of its tenant, the newest first; those of other replications are left out
    """
    begin, end = replication.requested_at, replication.ended_at or now
    scale = WIDTH / max((end - begin).total_seconds(), 0.001)
    changes: dict[str, list[Change]] = {}
    for event in reversed(list(events)):  # as they happened: two of one moment cannot be told apart by their times
        if event.get("type") == "step" and event.get("replication") == replication.id:
            at, state = datetime.fromisoformat(event["at"]), State(event["state"])
            changes.setdefault(event["name"], []).append((at, state, _look(state, event.get("waitsFor"))))
    return [_line(step, _whole(step, changes.get(step.name, [])), begin, end, scale) for step in replication.steps]


def _look(state: State, waits_for: str | None) -> str:
    return "run" if state is State.RUNNING else WAITS.get(WaitsFor(waits_for or WaitsFor.AWS), "aws")


def _whole(step: StepState, changes: list[Change]) -> list[Change]:
    """Return the changes of a step; where none tells when it ran, what is known of it otherwise."""
    return changes if any(state not in ENDED for _, state, _ in changes) else _known(step)


def _known(step: StepState) -> list[Change]:
    """Return what is known of a step whose events are forgotten."""
    began = [(step.started_at, State.RUNNING, "run")] if step.started_at else []
    ended = [(step.ended_at, step.state, "")] if step.ended_at else []
    return [*began, *ended]


def _line(step: StepState, changes: list[Change], begin: datetime, end: datetime, scale: float) -> Line:
    bars, took = [], timedelta()
    ends = [each[0] for each in changes[1:]] + [end] * bool(changes)
    for (at, state, look), after in zip(changes, ends, strict=True):
        if state in ENDED:
            continue
        lasted = max(after - at, timedelta())  # the clocks of two workers differ
        took += lasted
        x, width = (at - begin).total_seconds() * scale, lasted.total_seconds() * scale
        title = f"{'ran' if look == 'run' else 'waited'} {lasting(lasted)}"
        bars.append(Bar(look, round(min(max(x, 0), WIDTH - THINNEST), 1), round(max(width, THINNEST), 1), title))
    return Line(step, bars, took if changes else None)
