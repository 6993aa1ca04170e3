"""Alerts: what people are told without asking. A tenant needs one of them, or it is well again.

An alert goes into the outbox with the record of the step that it comes from, in one script (`raise_alert` in
`state/lua/shared/alerts.lua`), so that no crash loses it. It is raised once until it changes. What is told of costs
comes from `metering/watch.py`. `notifications/outbox.py` delivers all of it.
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
    BUDGET = "budget"  # most of a project's or a payment method's budget is used, or all of it
    RISE = "rise"  # an account costs far more than it usually does
    IDLE = "idle"  # a tenant's account has cost nothing for long
    RESOLVED = "resolved"  # what the alert before was about is over: the tenant is as ordered, or deleted
    TEST = "test"


class Alert(Document):
    """What has happened to one tenant. Texts of errors are masked, as in its record."""

    kind: Kind
    platform: str
    tenant: str
    at: datetime
    replication: str | None = None  # None: it is about costs
    step: str | None = None
    note: str | None = None
    error: LastError | None = None
    link: str = Field(description="path of the API that shows the replication, or the costs")

    @property
    def fingerprint(self) -> str:
        """What it is about, empty when all is well: an alert like the tenant's last one is not raised again."""
        if self.kind is Kind.RESOLVED:
            return ""
        return f"{self.kind} {self.step} {self.error.code if self.error else ''}"


def alert_of(tenant: TenantId, replication: str, outcome: StepRecord, now: datetime) -> Alert | None:
    """Return the alert that a step's outcome is worth; None: none."""
    document = outcome.document
    about = {
        "platform": tenant.platform,
        "tenant": str(tenant),
        "at": now,
        "replication": replication,
        "link": f"/api/v1/replications/{replication}",
    }
    if outcome.state is State.FAILED:
        return Alert(kind=Kind.FAILED, step=outcome.failed[0], error=outcome.error, **about)
    if outcome.parked and document.name == AWAIT_APPROVAL and document.last_error is None:
        return Alert(kind=Kind.APPROVAL, step=document.name, note=document.note, **about)
    if outcome.parked:
        return Alert(kind=Kind.PARKED, step=document.name, error=document.last_error, **about)
    return Alert(kind=Kind.RESOLVED, **about) if outcome.state is State.SUCCEEDED else None
