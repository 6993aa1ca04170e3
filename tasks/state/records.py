"""Tenants and replications as they stand in Redis, read into our words, and how documents are written there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from config.tracing import id_in
from tasks.chain import CHAINS
from tasks.model.desired import Deletion, Desired, Document, Pause, TenantId
from tasks.model.handles import HANDLES, Handles
from tasks.model.replication import ENDED, LastError, Replication, State, StepState
from tasks.state.lines import Turn


@dataclass(frozen=True)
class TenantRecord:
    """A tenant as stored: what was ordered last, what AWS gave us, and its newest replication."""

    id: TenantId
    desired: Desired
    handles: Handles
    state: State
    replication: str  # the newest that has begun or stands first in line
    created_at: datetime
    updated_at: datetime
    deletion: Deletion | None = None  # the request to delete it
    deleted_at: datetime | None = None  # when that was done
    paused: Pause | None = None  # it, or its platform, is paused; nothing runs


@dataclass(frozen=True)
class TenantSummary:
    """One row of the list of tenants."""

    id: TenantId
    landing_zone: str
    state: State
    account_id: str | None
    updated_at: datetime
    replication: str  # the newest that has begun or stands first in line
    marked: bool = False  # somebody has asked to delete it
    deleted: bool = False


def json_of(part: Document) -> str:
    """Write a document as JSON text."""
    return part.model_dump_json(by_alias=True, exclude_none=True)


def compact(value: Any) -> str:
    """Write a value as JSON text without spaces, its members in order: Redis keeps it for every tenant."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def handles_json(handles: Handles) -> str:
    """Write handles as JSON text."""
    return HANDLES.dump_json(handles, exclude_defaults=True).decode()


def tenant_of(tenant: TenantId, row: Mapping[str, str], paused: str | None) -> TenantRecord:
    """Read the record of a tenant, and the pause of it or its platform."""
    return TenantRecord(
        id=tenant,
        desired=Desired.model_validate_json(row["desired"]),
        handles=HANDLES.validate_json(row["handles"]),
        state=State(row["state"]),
        replication=row["last"],
        created_at=datetime.fromisoformat(row["created_at"]),
        updated_at=datetime.fromisoformat(row["updated_at"]),
        deletion=Deletion.model_validate_json(row["deletion"]) if "deletion" in row else None,
        deleted_at=datetime.fromisoformat(row["deleted_at"]) if "deleted_at" in row else None,
        paused=Pause.model_validate_json(paused) if paused else None,
    )


def summary_of(name: str, row: list[Any]) -> TenantSummary:
    """Read what a list shows of a tenant."""
    landing_zone, handles, state, updated_at, deletion, deleted_at, replication = row
    return TenantSummary(
        id=TenantId.parse(name),
        landing_zone=landing_zone,
        state=State(state),
        account_id=json.loads(handles).get("account_id"),
        updated_at=datetime.fromisoformat(updated_at),
        replication=replication,
        marked=deletion is not None,
        deleted=deleted_at is not None,
    )


def replication_of(row: dict[str, str], handles: str | None, turn: Turn | None = None) -> Replication:
    """Read the record of a replication; raises ValueError or KeyError for what is none.

    turn   where it stands in line; None: it waits for no place
    """
    state, chain = State(row["state"]), CHAINS[row["chain"]]
    failed = json.loads(row.get("failed", "[]"))
    idle = json.loads(row.get("idle", "{}"))
    steps = [
        StepState.model_validate_json(row[f"step:{index}"]) if f"step:{index}" in row else _untouched(step.name, idle)
        for index, step in enumerate(chain.steps)
    ]
    for index in range(int(row.get("first", 0))):
        if not chain.steps[index].always:
            steps[index] = _skipped(steps[index], chain.steps[int(row["first"])].name)
    if turn is not None:
        waiting = steps[int(row["step"])]
        steps[int(row["step"])] = waiting.model_copy(update={"note": f"{waiting.note} ({turn})"})
    if row["holder"]:  # somebody runs it right now
        steps[int(row["step"])] = steps[int(row["step"])].model_copy(update={"state": State.RUNNING})
    if state in ENDED:
        steps = [_never_ran(step, chain.unreachable(failed)) if step.state not in ENDED else step for step in steps]
    return Replication(
        id=row["id"],
        tenant=row["tenant"],
        state=state,
        steps=steps,
        requested_at=datetime.fromisoformat(row["requested_at"]),
        requested_by=row.get("requested_by"),
        started_at=datetime.fromisoformat(row["started_at"]) if "started_at" in row else None,
        ended_at=datetime.fromisoformat(row["ended_at"]) if "ended_at" in row else None,
        last_error=LastError.model_validate_json(row["error"]) if "error" in row else None,
        account_id=json.loads(handles or "{}").get("account_id"),
        withdrawing_since=_moment(row["urgent_since"]) if "urgent_since" in row else None,
        gate=row.get("gate") if state is State.WAITING else None,
        trace_id=id_in(row.get("trace")),
    )


def _moment(milliseconds: str) -> datetime:
    return datetime.fromtimestamp(float(milliseconds) / 1000, UTC)


def _untouched(name: str, idle: Mapping[str, str]) -> StepState:
    """Return a step that nobody has run: it has its turn yet, or nothing to do."""
    return StepState(name=name, state=State.SUCCEEDED, note=idle[name]) if name in idle else StepState(name=name)


def _skipped(step: StepState, first: str) -> StepState:
    return step.model_copy(update={"state": State.CANCELLED, "note": f"skipped: it was to begin with {first}"})


def _never_ran(step: StepState, causes: Mapping[str, str]) -> StepState:
    cause = causes.get(step.name)
    note = f"not run, because {cause} failed" if cause else step.note or "not run"
    return step.model_copy(update={"state": State.CANCELLED, "note": note, "waits_for": None})
