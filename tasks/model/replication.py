"""Where a replication stands: how a step answers, and what people are shown of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import Field

from tasks.model.desired import Document
from tasks.model.handles import Handles


class WaitsFor(StrEnum):
    """What a step that waits is waiting for."""

    AWS = "AWS"  # to end what it has begun
    PLACE = "PLACE"  # in one of AWS's limits
    TURN = "TURN"  # to call, because an API may only be called so often
    RETRY = "RETRY"  # an error is tried again later
    WORKER = "WORKER"  # the one that ran it is stopping, or a newer order takes over
    QUOTA = "QUOTA"  # one that counts days
    PERSON = "PERSON"  # to decide, or to mend what only a person can


@dataclass(frozen=True)
class Done:
    """The step's work is complete; the note says in plain words what was there or was changed."""

    handles: Handles
    note: str


@dataclass(frozen=True)
class Wait:
    """AWS is not ready yet: look again after `retry_in`, or after the poll interval when None."""

    handles: Handles
    note: str
    retry_in: timedelta | None = None
    # When AWS began each piece of work whose place others wait for: polled when it usually ends, then soon again.
    since: tuple[datetime, ...] = ()
    waits_for: WaitsFor = WaitsFor.AWS

    @property
    def patient(self) -> bool:
        """Whether it waits as long as it takes."""
        return self.waits_for in (WaitsFor.PERSON, WaitsFor.QUOTA)


Outcome = Done | Wait


class State(StrEnum):
    """Where a replication, or one of its steps, stands."""

    QUEUED = "QUEUED"  # nobody works on it yet
    RUNNING = "RUNNING"
    WAITING = "WAITING"  # for AWS, for a place in a limit, or for the next try
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


class Held(StrEnum):
    """What holds a tenant up until a person acts: no state of its own, but what people ask for by name."""

    PARKED = "PARKED"  # something must be mended, such as a quota
    APPROVAL = "APPROVAL"  # a deletion waits for a person's word
    PAUSED = "PAUSED"  # somebody has paused it, or its platform


ENDED = frozenset({State.SUCCEEDED, State.FAILED, State.CANCELLED})


class LastError(Document):
    """Why a step failed or waits for another try, as shown to people."""

    code: str
    message: str
    request_id: str | None = None
    remedy: str
    documentation: str | None = Field(default=None, description="page and anchor that explain the code")


class StepState(Document):
    """One step of a replication, as shown to people."""

    name: str
    state: State = State.QUEUED
    note: str | None = None
    attempts: int = 0
    started_at: datetime | None = None
    ended_at: datetime | None = None
    last_error: LastError | None = None
    deadline: datetime | None = Field(default=None, description="when a waiting step fails if it still waits")
    waits_for: WaitsFor | None = Field(default=None, description="what a waiting step waits for")


class Replication(Document):
    """One run of the chain for one tenant, as shown to people."""

    id: str
    tenant: str
    state: State
    steps: list[StepState]
    requested_at: datetime
    requested_by: str | None = Field(default=None, description="name of the API token; null: the connector itself")
    started_at: datetime | None = None
    ended_at: datetime | None = None
    last_error: LastError | None = None
    account_id: str | None = None
    withdrawing_since: datetime | None = Field(
        default=None, description="since when it has access to take away; null: it has none, or is done"
    )
    gate: str | None = Field(
        default=None, description="what AWS refuses to others too: all wait together, and one tries for them"
    )
    trace_id: str | None = Field(default=None, description="id of its trace; null: traces are off (docs/traces.md)")


def held_by(steps: Iterable[StepState]) -> Held | None:
    """Name what a replication with these steps waits for a person for; None: it does not."""
    step = next((each for each in steps if each.waits_for is WaitsFor.PERSON), None)
    if step is None:
        return None
    return Held.PARKED if step.last_error else Held.APPROVAL
