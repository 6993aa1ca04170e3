"""What the engine and the store tell each other of one step: what is sent, what it begins with, how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tasks.model.desired import Deletion, Desired
from tasks.model.handles import Handles
from tasks.model.replication import LastError, State, StepState
from tasks.step import Chain


@dataclass(frozen=True)
class Dispatch:
    """A replication that the pump took: what to send, and from which step."""

    tenant: str
    replication: str
    chain: Chain
    step: int
    number: int

    def task_id(self, step: int) -> str:
        """Return the id of the Celery task that runs a step of it: Flower shows it, and people read it.

        Nothing else has it: a replication's dispatches have numbers, and each goes through the chain but once.
        """
        return f"{self.tenant}/{self.replication[:8]}/{self.chain.steps[step].name}/{self.number}"


@dataclass(frozen=True)
class Begun:
    """What a step needs, read at the moment in which we got the lease."""

    desired: Desired
    handles: Handles
    step: StepState
    retry_state: dict[str, Any]
    asked_at: datetime  # when the replication was asked for
    at: datetime  # when we got the lease, by the connector's own clock
    late: timedelta = timedelta()  # for how long nobody has looked although it was time
    failed: tuple[str, ...] = ()  # names of the steps that have failed for good
    error: LastError | None = None  # the first of their errors; without any, why the step waits for another try
    deletion: Deletion | None = None  # the request to delete the tenant
    doubt: bool = False  # AWS may hold more than the handles say
    doubted: bool = False  # and the handles were made to say so
    first: int = 0  # index of the step to go on with after the first one, which always runs
    stray: timedelta | None = None  # how long a stray call may run still, or, negative, since when none does any more
    asked_by: str | None = None  # name of the API token; None: nobody, it is the daily replication
    trace: str | None = None  # the trace in which it was asked for (config/tracing.py)
    daily: bool = False  # nobody asked for it but the day
    urgent_since: datetime | None = None  # when it was ordered, if that may have taken access away; until that is done
    joined: bool = False  # the handles stand in Redis without what somebody else's operation does for the tenant

    @property
    def failure(self) -> LastError | None:
        """Why the replication will end FAILED, if it will."""
        return self.error if self.failed else None


@dataclass(frozen=True)
class StoredAlert:
    """An alert to people as it is stored (tasks/notifications/alerts.py)."""

    document: str  # JSON text
    fingerprint: str  # what it is about: an alert like the tenant's last one is not raised again


@dataclass(frozen=True)
class StepRecord:
    """How a step ended, as it is recorded."""

    step: int
    document: StepState
    state: State  # of the replication
    due: timedelta = timedelta()  # when to look again; for a step that is done: when its next message counts as lost
    advance: bool = False
    following: int | None = None  # the step to advance to; None: the one after this
    idle: Mapping[str, str] = field(default_factory=dict)  # steps of the chain that have nothing to do, and why
    failed: tuple[str, ...] = ()  # names of the steps that have failed for good
    handles: Handles | None = None  # None: leave those that are stored
    retry_state: dict[str, Any] | None = None
    error: LastError | None = None
    lane: str | None = None
    gate: str | None = None  # where AWS has refused what it would refuse to all, so that they wait together
    let_in: bool = True  # False: nobody knows whether that gate is open
    parked: bool = False  # it waits for a person, and a newer order must not wait with it
    again: bool = False  # it is refused the same as before: nothing new has happened
    polls: bool = False  # it looks again when AWS has done its work, not when a place in a lane is free
    beside: bool = False  # it looks again when a stray call has ended
    responded: bool | None = None  # False: calls held the worker, and AWS answered none; None: no call tells
    alert: StoredAlert | None = None  # to people, about how the step ended
