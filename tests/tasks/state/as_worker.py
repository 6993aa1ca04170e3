"""Tenants, and a worker's part in tests of the store: take what is due, begin it, record how it ended."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tasks.chain import REPLICATION
from tasks.model.desired import Desired, TenantId
from tasks.model.handles import Handles
from tasks.model.replication import LastError, State, StepState
from tasks.state.outcome import Dispatch, StepRecord
from tasks.state.store import Store

SHOP = TenantId("likvid", "shop", "aws.sandbox")
BLOG = TenantId("likvid", "blog", "aws.sandbox")
DEVELOPMENT = Desired(landing_zone="development")
PRODUCTION = Desired(landing_zone="production")
LEASE = timedelta(seconds=30)
SHORT = timedelta(milliseconds=40)


def pump(store: Store, room: int = 100, lease: timedelta = LEASE, queue: str = "queue") -> list[Dispatch]:
    return store.work.pump(queue, room, lease, timedelta(minutes=10), "worker-1")


def step_done(index: int, *, last: bool = False, handles: Handles | None = None) -> StepRecord:
    now = datetime.now(UTC)
    name = REPLICATION.steps[index].name
    document = StepState(name=name, state=State.SUCCEEDED, note="done", attempts=1, ended_at=now)
    state = State.SUCCEEDED if last else State.RUNNING
    return StepRecord(step=index, document=document, state=state, due=LEASE, advance=True, handles=handles)


def step_failed(index: int) -> StepRecord:
    error = LastError(code="AccessDenied", message="no", request_id="r-1", remedy="allow it")
    document = StepState(name=REPLICATION.steps[index].name, state=State.FAILED, attempts=1, last_error=error)
    return StepRecord(step=index, document=document, state=State.FAILED, error=error)


def run_one(store: Store, outcome: StepRecord) -> Dispatch:
    [dispatch] = pump(store)
    assert store.work.begin(dispatch, "me", LEASE)
    assert store.work.record(dispatch.replication, "me", outcome)
    return dispatch


def state_of(store: Store, replication: str) -> State:
    found = store.replications.find(replication)
    assert found is not None
    return found.state
