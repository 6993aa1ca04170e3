"""What a plan has changed so far: later reads of the same plan must see it, although nothing was sent.

What only exists in the plan (an account, a group, an OU) has a placeholder as its id: `planned-…`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from config.platform import Platform
from tasks.errors import PermanentError

PREFIX = "planned-"
ACCOUNT = f"{PREFIX}account"  # in place of the 12 digits of an account that is not there yet
REQUEST = f"{PREFIX}request"

Parameters = Mapping[str, Any]
Members = dict[str, Any]


def not_plannable(message: str) -> PermanentError:
    """Say that what happens depends on something that is not there before the plan is carried out."""
    remedy = "No action needed: the replication does this. Plan again afterwards."
    return PermanentError("NotPlannable", message, remedy=remedy)


@dataclass(frozen=True)
class Change:
    """One write call that a replication would send."""

    service: str
    operation: str  # in botocore's snake case
    account_id: str | None  # in which it acts; None where the credentials alone say so
    region: str
    parameters: Parameters
    before: Mapping[str, str | None] = field(default_factory=dict)  # what AWS has in place of what is written


@dataclass(frozen=True)
class Where:
    """Whose call it is."""

    service: str
    account: str | None
    region: str

    @property
    def is_planned(self) -> bool:
        """Tell whether it acts in an account that is not there yet."""
        return is_planned(self.account)


def is_planned(text: object) -> bool:
    """Tell whether an id is a placeholder."""
    return isinstance(text, str) and text.startswith(PREFIX)


@dataclass
class Role:
    """What is planned for one IAM role."""

    created: Members | None = None  # as GetRole shows it; None: it is there already
    deleted: bool = False
    trust: Any = None
    attached: set[str] = field(default_factory=set)
    detached: set[str] = field(default_factory=set)
    inline: dict[str, Any] = field(default_factory=dict)


@dataclass
class Planned:
    """Everything that one plan has changed, and what it has seen."""

    platform: Platform
    account: str | None = None  # the tenant's; None: not known yet
    changes: list[Change] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)  # placeholder -> what people call it
    groups: dict[str, tuple[str | None, str]] = field(default_factory=dict)  # id -> name (None: as it is), mark
    members: dict[str, tuple[str, str]] = field(default_factory=dict)  # MembershipId -> UserId, GroupId
    taken_out: set[tuple[str, str]] = field(default_factory=set)  # UserId, GroupId
    accounts: dict[str, Members] = field(default_factory=dict)
    tags: dict[str, dict[str, str | None]] = field(default_factory=dict)  # None: removed
    parents: dict[str, str] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)
    shut: set[str] = field(default_factory=set)  # accounts into which only the planned access role would let us
    assigned: dict[tuple[str, str, str], bool] = field(default_factory=dict)  # account, permission set, group
    stacks: dict[tuple[str | None, str, str], Members | None] = field(default_factory=dict)  # account, region, name
    instances: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)  # set, account -> region: operation
    roles: dict[tuple[str | None, str], Role] = field(default_factory=dict)
    products: dict[str, Members | None] = field(default_factory=dict)  # by id and by name; None: terminated
    seen: dict[tuple[str | None, ...], dict[str, str | None]] = field(default_factory=dict)

    @property
    def access_role(self) -> str:
        """The name of the access role, without its path."""
        return self.platform.account_access_role.rpartition("/")[2]

    @property
    def administrator(self) -> str:
        """The policy that the access role of a new account has."""
        return f"arn:{self.platform.partition}:iam::aws:policy/AdministratorAccess"

    def role(self, where: Where, name: str) -> Role:
        """Return what is planned for a role."""
        return self.roles.setdefault((where.account, name), Role())


def stack_name(given: Parameters) -> str:
    """Read the name out of arn:aws:cloudformation:<region>:<account>:stack/<name>/<uuid>, or take it as it is."""
    text = str(given["StackName"])
    return text.split("/")[1] if text.startswith("arn:") else text
