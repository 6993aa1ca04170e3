"""What people are shown beside tenants and replications: plans, drift, the audit log, the overview of everything.

Only documents: the command line reads them, and needs neither Redis's client nor Celery for that.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import Field, JsonValue

from config.drift_mode import DriftMode
from tasks.model.desired import Document
from tasks.model.replication import LastError

UNKNOWN = "UNKNOWN"  # nobody knows how a write ended


class QuestionState(StrEnum):
    """How far a question is."""

    PENDING = "PENDING"  # nobody has answered yet
    DONE = "DONE"
    FAILED = "FAILED"  # it cannot be answered; the answer is a sentence that says why


class PlannedChange(Document):
    """One write call that the replication would send."""

    call: str = Field(description="service:Operation", examples=["organizations:create_account"])
    sentence: str
    account_id: str | None = Field(default=None, description="in which it is made; none: that of the credentials")
    parameters: dict[str, JsonValue] = Field(
        description="arguments of the call; ids of planned things begin with planned-"
    )


class PlannedStep(Document):
    """What one step of the replication would do."""

    name: str
    note: str = Field(description="the step's note, as if its changes were made")
    changes: list[PlannedChange] = Field(default_factory=list)
    waiting: bool = Field(default=False, description="for whom it would wait; later steps are planned all the same")
    error: LastError | None = Field(default=None, description="why the step would fail, or cannot be planned")


class Plan(Document):
    """What a replication of a tenant would change."""

    tenant: str
    chain: str = Field(description="replication or deletion")
    planned_at: datetime
    steps: list[PlannedStep]
    changes: int = Field(description="number of write calls in all steps")
    errors: int = Field(description="steps that would fail, or cannot be planned")


class DriftChange(Document):
    """What one step found different."""

    step: str
    note: str  # the step's own
    calls: tuple[str, ...] = ()  # what was called, or would be: organizations:MoveAccount


class Drift(Document):
    """How a tenant differed from what is wanted when it was last looked at."""

    tenant: str
    mode: DriftMode
    differs: bool  # False: it was repaired
    since: datetime  # when it was first seen
    looked_at: datetime
    replication: str | None = None  # id of the one that repaired it
    changes: tuple[DriftChange, ...] = ()


class UnmanagedAccount(Document):
    """An account that no tenant owns, as it was last seen."""

    account_id: str
    name: str
    email: str
    organizational_unit: str | None = None  # id of its OU, or of the root; None: AWS did not say
    state: str  # AWS's Account.State
    first_seen: datetime
    last_seen: datetime
    management_account_id: str
    platforms: tuple[str, ...] = ()  # those of its organization


class AuditEntry(Document):
    """One write to AWS."""

    id: str
    at: datetime
    asked_by: str | None = Field(default=None, description="name of the API token; null: the connector itself, daily")
    tenant: str
    replication: str
    step: str
    call: str = Field(examples=["organizations:move_account"])
    what: str | None = Field(
        default=None, description="what it changes, in words", examples=["add alice to group likvid.shop-admin"]
    )
    account: str | None = Field(default=None, description="the account of the call; null: that of the credentials")
    arguments: JsonValue = Field(default=None, description="without secrets; long texts are replaced by their digest")
    names: dict[str, str] = Field(default={}, description="users and groups among the arguments: their names by id")
    outcome: str = Field(
        default=UNKNOWN,
        description="OK, AWS's error code, or UNKNOWN: it was about to be sent, and its outcome was not recorded",
    )
    request_id: str | None = Field(default=None, description="AWS's id of the request")


class AuditPage(Document):
    """Writes to AWS, the oldest first."""

    entries: list[AuditEntry]
    next: str | None = Field(default=None, description="use it as `after` to continue; null: there is no more")


class MatterKind(StrEnum):
    """What kind of thing needs a person."""

    WITHDRAWN = "WITHDRAWN"  # people without an order still have access
    FAILED = "FAILED"  # replications that have ended so
    PARKED = "PARKED"  # steps that wait until a person has mended something
    APPROVAL = "APPROVAL"  # deletions that somebody must approve or decline
    PAUSED = "PAUSED"  # nothing runs until somebody resumes it
    STOPPED = "STOPPED"  # a part of the connector does not run


class Matter(Document):
    """One thing that needs a person, and whom it holds up."""

    kind: MatterKind
    what: str = Field(description="one sentence", examples=["NoFreeSeat: the organization is full"])
    detail: str | None = Field(
        default=None, description="in AWS's own words", examples=["AccessDenied: not authorized"]
    )
    remedy: str = Field(description="what to do")
    step: str | None = None
    number: int = Field(default=0, description="tenants that it holds up")
    tenants: list[str] = Field(default=[], description="the first of them, or the platform that is paused")
    since: datetime | None = Field(default=None, description="of the oldest")


class UnderWay(Document):
    """Replications that have not ended and stand in the same place."""

    state: str = Field(examples=["RUNNING", "WAITING", "PARKED"])
    number: int
    since: datetime = Field(description="when the oldest of them was requested")


class LimitUse(Document):
    """How one of AWS's limits is used."""

    name: str
    places: int
    taken: int
    waiting: int
    waiting_since: datetime | None = Field(default=None, description="since when the first in line waits")
    slowed: float = Field(description="used share of the limit: less than 1 for a while after AWS has refused")


class Machinery(Document):
    """Who works."""

    workers: int = Field(description="that are online")
    queued: int = Field(description="messages that no worker has taken yet")
    late_seconds: float = Field(description="how long the next check of a replication is overdue")
    beat_at: datetime | None = Field(default=None, description="when beat last sent something")
    runners: int = Field(default=0, description="that are online")


class Overview(Document):
    """What an operator asks first, in this order."""

    at: datetime
    needs: list[Matter] = Field(description="what needs a person, the most urgent first")
    under_way: list[UnderWay]
    limits: list[LimitUse] = Field(description="limits that are in use or waited for")
    machinery: Machinery
    tenants: dict[str, int] = Field(description="number of tenants by state, without DELETED")
    oldest_look: datetime | None = Field(
        default=None, description="when the tenant that was checked longest ago was checked"
    )
    drifted: int = Field(description="tenants that differed in the last daily replication")
    unmanaged: int = Field(description="accounts that no tenant owns")
