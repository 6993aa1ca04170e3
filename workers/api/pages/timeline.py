"""A replication on a line of time: when each step ran, and when it waited for what. Made of the tenant's events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tasks.model.replication import ENDED, Replication, State, StepState, WaitsFor
from workers.api.pages.step_marks import WAITS

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

    events   of its tenant, in any order; those of other replications are left out
    """
    begin, end = replication.requested_at, replication.ended_at or now
    scale = WIDTH / max((end - begin).total_seconds(), 0.001)
    changes: dict[str, list[tuple[datetime, State, str]]] = {}
    for event in events:
        if event.get("type") == "step" and event.get("replication") == replication.id:
            at, state = datetime.fromisoformat(event["at"]), State(event["state"])
            changes.setdefault(event["name"], []).append((at, state, _look(state, event.get("waitsFor"))))
    return [_line(step, sorted(changes.get(step.name, _known(step))), begin, end, scale) for step in replication.steps]


def _look(state: State, waits_for: str | None) -> str:
    return "run" if state is State.RUNNING else WAITS.get(WaitsFor(waits_for or WaitsFor.AWS), "aws")


def _known(step: StepState) -> list[tuple[datetime, State, str]]:
    """Return what is known of a step whose events are forgotten."""
    began = [(step.started_at, State.RUNNING, "run")] if step.started_at else []
    ended = [(step.ended_at, step.state, "")] if step.ended_at else []
    return [*began, *ended]


def _line(
    step: StepState, changes: list[tuple[datetime, State, str]], begin: datetime, end: datetime, scale: float
) -> Line:
    bars, took = [], timedelta()
    ends = [each[0] for each in changes[1:]] + [end] * bool(changes)
    for (at, state, look), after in zip(changes, ends, strict=True):
        if state in ENDED:
            continue
        took += after - at
        x, width = (at - begin).total_seconds() * scale, (after - at).total_seconds() * scale
        title = f"{'ran' if look == 'run' else 'waited'} {(after - at).total_seconds():.1f} s"
        bars.append(Bar(look, round(min(x, WIDTH - THINNEST), 1), round(max(width, THINNEST), 1), title))
    return Line(step, bars, took if changes else None)
