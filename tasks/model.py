"""The shapes everybody shares: what is wanted, what AWS gave us, how a step answers.

tenant       one isolated unit on a platform; on AWS one account
desired      what we were told
handles      ids that AWS gave us and intents we wrote down before a call; kept per tenant
step         one idempotent part of a replication; answers Done or Wait, or raises
replication  one run of the chain for one tenant
dispatch     the number of the newest chain message of a replication; older messages do nothing
lease        the time for which one worker alone runs a replication
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, StringConstraints, Tag, TypeAdapter
from pydantic.alias_generators import to_camel

from config.landing_zone import LandingZone
from config.platform import Platform


def _printable(text: str) -> str:
    """Refuse control characters: no name or tag in AWS may hold one, and logs and terminals must not."""
    if any(character in CONTROL_CHARACTERS for character in text):
        raise ValueError("must not hold control characters")
    return text


CONTROL_CHARACTERS = frozenset(map(chr, (*range(32), *range(127, 160)))) - set("\t\n\r")
Text = Annotated[str, StringConstraints(max_length=255), AfterValidator(_printable)]  # 255 is meshStack's own bound
Tags = dict[Text, list[Text]]


class Document(BaseModel):
    """A part of the desired state: camelCase outside, unknown fields refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)


class Workspace(Document):
    """The owner of the project."""

    display_name: Text | None = None
    tags: Tags = Field(default_factory=dict)


class Creator(Document):
    """Who created the project in meshStack."""

    email: Text | None = None


class Project(Document):
    """The project that ordered the tenant."""

    mesh_project_id: Annotated[int, Field(ge=0)] | None = Field(default=None, description="meshStack's number of it")
    display_name: Text | None = None
    tags: Tags = Field(default_factory=dict)
    created_by: Creator | None = None


class PaymentMethod(Document):
    """How the project is paid for."""

    identifier: Text
    name: Text | None = None
    expiration_date: Text | None = None
    amount: Text | None = None
    tags: Tags = Field(default_factory=dict)


PAYMENT_METHOD_FORMS = ("text", "object")  # tags of the union below; no fields


def _form(value: object) -> str:
    return "text" if isinstance(value, str) else "object"


PaymentMethodOrIdentifier = Annotated[
    Annotated[Text, Tag("text")] | Annotated[PaymentMethod, Tag("object")], Discriminator(_form)
]


class Person(Document):
    """One entry of meshStack's USER_PERMISSIONS: a person and the project roles they have."""

    mesh_identifier: Text | None = None
    username: Text
    first_name: Text | None = None
    last_name: Text | None = None
    email: Text | None = None
    euid: Text | None = Field(default=None, description="the userName in the identity store; None: no cloud access yet")
    roles: Annotated[list[Text], Field(min_length=1)]


class Desired(Document):
    """The desired state of a tenant, as meshStack or a person sends it."""

    landing_zone: Text
    platform_tenant_id: Annotated[str, StringConstraints(pattern=r"^[0-9]{12}$")] | None = Field(
        default=None, description="an existing AWS account to take over: 12 digits"
    )
    tenant_platform_number: Annotated[int, Field(ge=0)] | None = None
    workspace: Workspace = Workspace()
    project: Project = Project()
    payment_method: PaymentMethodOrIdentifier | None = Field(
        default=None, description="an object, or the identifier alone"
    )
    access: list[Person] = Field(default_factory=list)


class Deletion(Document):
    """A request to delete a tenant. It stands until the tenant is ordered again or the request is declined."""

    requested_at: datetime
    requested_by: Text | None = Field(default=None, description="name of the API token")
    approved_at: datetime | None = None
    approved_by: Text | None = None


class Pause(Document):
    """Why nothing runs for a tenant or a platform, until somebody resumes it."""

    paused_at: datetime
    paused_by: Text | None = Field(default=None, description="name of the API token")
    reason: Text | None = None


@dataclass(frozen=True, order=True)
class TenantId:
    """Names a tenant everywhere: `<workspace>.<project>.<platform>.<location>`."""

    workspace: str
    project: str
    platform: str  # <platform>.<location>

    def __str__(self) -> str:
        return f"{self.workspace}.{self.project}.{self.platform}"

    @classmethod
    def parse(cls, text: str) -> TenantId:
        """Read `<workspace>.<project>.<platform>.<location>`; ValueError says what is wrong."""
        parts = text.split(".")
        if len(parts) != 4 or not all(parts):
            raise ValueError(f"{text!r} is no tenant: write <workspace>.<project>.<platform>.<location>")
        return cls(parts[0], parts[1], f"{parts[2]}.{parts[3]}")


@dataclass(frozen=True)
class Tenant:
    """A tenant as a step sees it: the desired state with the configuration it names."""

    id: TenantId
    desired: Desired
    platform: Platform
    landing_zone: LandingZone
    deletion: Deletion | None = None  # the request to delete it; None: it is to be there
    accounts_before: int = 0  # accounts of this tenant that are closed: the next one needs another email


@dataclass(frozen=True)
class Creation:
    """The write-ahead intent of one CreateAccount call, and its request id once AWS has given one."""

    attempt: int
    intended_at: datetime
    request_id: str | None = None  # car-…; None: the call may have been sent or not


@dataclass(frozen=True)
class Group:
    """One of this tenant's groups in the identity store."""

    role: str  # the AWS role (platformGroupAlias) it stands for
    id: str | None  # None: looked for and not there
    permission_sets: tuple[str, ...] | None = None  # ARNs it may have in the tenant's account; None: not looked up yet


@dataclass(frozen=True)
class PendingAssignment:
    """An account assignment whose creation or deletion has not been seen to end."""

    group_id: str
    permission_set: str
    request_id: str | None = None  # None: intended; the call may have been sent or not
    delete: bool = False
    sent_at: datetime | None = None
    plan: str | None = None  # digest of what was wanted and what of it missing; None: something was also too much


@dataclass(frozen=True)
class Deployment:
    """What a stack instance was last given. It holds while AWS names `operation` as the instance's last one."""

    digest: str  # of every parameter that a template could be given
    declared: str  # of the account and those parameters that the StackSet's template declares
    operation: str  # OperationId
    sent_at: datetime | None = None  # written ahead of the call; None: AWS has shown the instance CURRENT since
    accepted: bool = False  # AWS has answered that it has the operation
    managed: bool = False  # and queues it behind others (managed execution), so it may be shown much later


@dataclass(frozen=True)
class Absence:
    """Whom we looked for among the users of Identity Center in vain; they are not looked for in every run."""

    looked_at: datetime
    desired: str  # SHA-256 of the desired state that asked for them
    user_names: tuple[str, ...]


@dataclass(frozen=True)
class Enrollment:
    """The account in Control Tower, or on its way there."""

    product: str | None = None  # pp-…: what Service Catalog has provisioned for it
    attempt: int = 1  # part of the token; a new one after a product is seen to be gone
    sent_at: datetime | None = None  # the newest request to Control Tower, written ahead; None: nothing is under way
    tried_at: datetime | None = None  # the newest request of all
    failing_since: datetime | None = None  # AWS has failed it ever since
    absent_at: datetime | None = None  # when nothing was found in Control Tower and a place was queued for


@dataclass(frozen=True)
class Handles:
    """What we must remember of one tenant because AWS cannot tell it, or only at the cost of many calls."""

    email: str | None = None  # rendered once; never changes after the first CreateAccount
    account_name: str | None = None
    creation: Creation | None = None
    account_id: str | None = None
    account_arn: str | None = None  # as Organizations writes it: arn:aws:organizations::…:account/o-…/…
    account_created_at: datetime | None = None  # when it joined the organization
    alias: str | None = None
    organizational_unit: str | None = None
    workspace_unit: str | None = None  # the OU of the workspace, where the landing zone names none
    access_stack: str | None = None  # StackId
    access_stack_attempt: str | None = None  # token of the operation whose end has not been seen yet
    former_access_stacks: tuple[str, ...] = ()  # StackIds: where landing zones had it before, and left it standing
    stack_set: str | None = None  # ARN of the StackSet whose instances these are
    stack_instances: dict[str, Deployment] = field(default_factory=dict)  # by region
    former_stack_sets: tuple[str, ...] = ()  # ARNs: landing zones had them before, and left their instances standing
    users: dict[str, str] = field(default_factory=dict)  # userName -> UserId
    absence: Absence | None = None
    groups: dict[str, Group] = field(default_factory=dict)  # display name -> group
    pending_assignments: tuple[PendingAssignment, ...] = ()
    federated_roles: tuple[str, ...] | None = None  # names of IAM roles that have our trust; None: not looked up yet
    sign_in_url: str | None = None
    enrollment: Enrollment | None = None  # None: never looked for
    vending_since: datetime | None = None  # the first look for the vending machine's tags; None: not waited for
    closing_since: datetime | None = None  # when CloseAccount was about to be sent
    closed_accounts: tuple[str, ...] = ()  # ids of accounts that this tenant had and that we closed

    def known_account(self) -> str:
        """Return the account's id; every step after wait_for_account has one, so its lack is a mistake of ours."""
        if self.account_id is None:
            raise ValueError("this step needs an account, and none is known yet")
        return self.account_id


HANDLES = TypeAdapter(Handles)


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


Outcome = Done | Wait


class State(StrEnum):
    """Where a replication, or one of its steps, stands."""

    QUEUED = "QUEUED"  # nobody works on it yet
    RUNNING = "RUNNING"
    WAITING = "WAITING"  # for AWS, for a place in a limit, or for the next try
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


ENDED = frozenset({State.SUCCEEDED, State.FAILED, State.CANCELLED})


class LastError(Document):
    """Why a step failed or waits for another try, as shown to people."""

    code: str
    message: str
    request_id: str | None = None
    remedy: str
    documentation: str | None = Field(default=None, description="where the code is explained: page and anchor")


class StepState(Document):
    """One step of a replication, as shown to people."""

    name: str
    state: State = State.QUEUED
    note: str | None = None
    attempts: int = 0
    started_at: datetime | None = None
    ended_at: datetime | None = None
    last_error: LastError | None = None


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
