"""What a runner knows of a run. It stands in Redis, so that any runner can go on from there."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from tasks.meshstack.run import ClaimedRun
from tasks.meshstack.runs import Address
from tasks.model.desired import Desired, Person, Tags, TenantId


class Behavior(StrEnum):
    """What a run is to do."""

    APPLY = "APPLY"
    DESTROY = "DESTROY"
    DETECT = "DETECT"  # a dry run: what would an APPLY change


class Stage(StrEnum):
    """How far a run is."""

    PREPARING = "PREPARING"  # what it wants is completed and ordered
    CHECKING = "CHECKING"  # it follows an approved plan, which is compared with what would be done now
    PLANNING = "PLANNING"  # a worker plans
    WORKING = "WORKING"  # its replication is under way
    ENDING = "ENDING"  # the last report is on its way
    ENDED = "ENDED"


class Status(StrEnum):
    """meshStack's words for where a run or a step stands."""

    PENDING = "PENDING"
    IN_PROGRESS = "IN_PROGRESS"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    ABORTED = "ABORTED"


FINAL = frozenset({Status.SUCCEEDED, Status.FAILED, Status.ABORTED})


class _Stored(BaseModel):
    """A part of the record; what a newer version adds is ignored by an older one."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class StepReport(_Stored):
    """One step as meshStack shows it."""

    id: str
    name: str
    status: Status = Status.PENDING
    user: str | None = None  # for the team
    system: str | None = None  # for operators
    outputs: dict[str, str] = Field(default_factory=dict)


class Final(_Stored):
    """The last report of a run. Once it is decided, nothing changes it."""

    status: Status
    steps: tuple[StepReport, ...]
    changes_detected: bool | None = None
    artifact: str | None = None  # Base64


class Wanted(_Stored):
    """What the inputs of a run ask for."""

    workspace: str
    project: str
    platform: str
    landing_zone: str | None = None
    account_id: str | None = None
    tenant_uuid: str | None = None
    tags: Tags | None = None
    users: tuple[Person, ...] | None = None  # None: the run does not say
    secret: tuple[str, ...] = ()  # keys of the inputs that were encrypted

    @property
    def tenant(self) -> TenantId:
        """Name the tenant."""
        return TenantId(self.workspace, self.project, self.platform)


class Approved(_Stored):
    """What of a plan a person has approved."""

    tenant: str
    account: str | None  # that the tenant had then
    matters: tuple[str, ...]  # what would be done that matters, as sentences


class RunRecord(_Stored):
    """One run."""

    uuid: str
    number: int
    block: str  # uuid of the building block
    block_name: str = ""
    behavior: str
    register_link: str | None = None
    update_link: str | None = None
    own_link: str | None = None
    artifact_link: str | None = None
    predecessor: str | None = None  # uuid of the run that planned this one
    claimed_at: datetime
    stage: Stage = Stage.PREPARING
    wanted: Wanted | None = None  # None: the run ends FAILED
    desired: Desired | None = None  # what was ordered, or planned
    replication: str | None = None  # id
    question: str | None = None  # name of the plan that a worker was asked for
    plan: Approved | None = None  # of a DETECT that has ended well
    approved: Approved | None = None  # what an APPLY is compared with before it is ordered
    registered: bool = False
    reported: dict[str, StepReport] = Field(default_factory=dict)  # what meshStack has taken of each step
    final: Final | None = None
    final_sent: bool = False  # it may be there already
    aborted: bool = False

    @classmethod
    def of(cls, run: ClaimedRun, wanted: Wanted | None, now: datetime) -> Self:
        """Make the record of a run that was just claimed."""
        links, block = run.links, run.spec.building_block
        return cls(
            uuid=run.uuid,
            number=run.spec.run_number,
            block=block.uuid,
            block_name=block.spec.display_name,
            behavior=run.spec.behavior.upper(),
            register_link=links.register_source.href if links.register_source else None,
            update_link=links.update_source.href if links.update_source else None,
            own_link=links.self_.href if links.self_ else None,
            artifact_link=links.plan_artifact.href if links.plan_artifact else None,
            predecessor=links.predecessor.href.rstrip("/").rpartition("/")[2] if links.predecessor else None,
            claimed_at=now,
            wanted=wanted,
        )

    def address(self, token: str | None) -> Address:
        """Return where the run is reported."""
        return Address(self.uuid, token, self.register_link, self.update_link, self.own_link, self.artifact_link)

    def but(self, **changes: object) -> Self:
        """Return the record with some fields changed."""
        return self.model_copy(update=changes)

    def handed_out_again(self, fresh: Self) -> Self:
        """Return the record of a run that meshStack has handed out once more, which then knows no step of it.

        What stands is continued. A run that we have failed, or that was aborted, begins anew.
        """
        links = {name: getattr(fresh, name) for name in type(self).model_fields if name.endswith("_link")}
        ended_well = self.final is not None and self.final.status is Status.SUCCEEDED
        if self.aborted or (self.stage is Stage.ENDED and not ended_well):
            return fresh
        stage = Stage.ENDING if self.stage is Stage.ENDED else self.stage
        return self.but(**links, stage=stage, registered=False, reported={}, final_sent=False)

    def json_text(self) -> str:
        """Write it as it is stored."""
        return self.model_dump_json(exclude_defaults=True)
