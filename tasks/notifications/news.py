"""What people are told without asking: a tenant that needs one of them, and that it is well again.

The news goes into the outbox with the record of the step that it comes from, in one script (`tell` in lua/common.lua),
so that no crash loses it; it is told once until it changes. `notifications/outbox.py` delivers it.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from tasks.chain import AWAIT_APPROVAL
from tasks.model.desired import Document, TenantId
from tasks.model.replication import LastError, State
from tasks.state.outcome import StepRecord


class Kind(StrEnum):
    """What has happened, as receivers tell messages apart."""

    FAILED = "failed"  # a replication has ended FAILED
    PARKED = "parked"  # a step waits until a person has acted, e.g. raised a quota
    APPROVAL = "approval"  # a deletion waits for its approval
    RESOLVED = "resolved"  # what was told is over: the tenant is as ordered, or deleted
    TEST = "test"


class News(Document):
    """What has happened to one tenant. Texts of errors are masked, as in its record."""

    kind: Kind
    platform: str
    tenant: str
    at: datetime
    replication: str
    step: str | None = None
    note: str | None = None
    error: LastError | None = None
    link: str = Field(description="path of the API that shows the replication")

    @property
    def sign(self) -> str:
        """What it is about: news with the sign that was told last is not told again; empty when all is well."""
        if self.kind is Kind.RESOLVED:
            return ""
        return f"{self.kind} {self.step} {self.error.code if self.error else ''}"


def news_of(tenant: TenantId, replication: str, outcome: StepRecord, now: datetime) -> News | None:
    """Return what a step's outcome is worth telling people; None: nothing."""
    document = outcome.document
    about = {
        "platform": tenant.platform,
        "tenant": str(tenant),
        "at": now,
        "replication": replication,
        "link": f"/api/v1/replications/{replication}",
    }
    if outcome.state is State.FAILED:
        return News(kind=Kind.FAILED, step=outcome.failed[0], error=outcome.error, **about)
    if outcome.parked:
        return News(kind=Kind.PARKED, step=document.name, error=document.last_error, **about)
    if document.name == AWAIT_APPROVAL and outcome.state is State.WAITING and document.last_error is None:
        return News(kind=Kind.APPROVAL, step=document.name, note=document.note, **about)
    return News(kind=Kind.RESOLVED, **about) if outcome.state is State.SUCCEEDED else None
