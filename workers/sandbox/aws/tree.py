"""The organization as the simulator keeps it: accounts, organizational units and account creations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from workers.sandbox import organization
from workers.sandbox.aws.shelf import Shelf
from workers.sandbox.aws.visibility_rules import Kind

ARN_PREFIX = f"arn:aws:organizations::{organization.MANAGEMENT_ACCOUNT_ID}"


def organization_arn(identifier: str) -> str:
    """Give the ARN of an account, an OU or the root of the organization by its id."""
    kind = {"r": "root", "o": "ou"}.get(identifier[:1], "account")
    return f"{ARN_PREFIX}:{kind}/{organization.ORGANIZATION_ID}/{identifier}"


class AccountState(StrEnum):
    """`State` of an account, in AWS's words."""

    PENDING_ACTIVATION = "PENDING_ACTIVATION"
    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"
    PENDING_CLOSURE = "PENDING_CLOSURE"
    CLOSED = "CLOSED"


@dataclass(frozen=True)
class Account:
    """One AWS account of the organization; times are seconds since the epoch."""

    id: str
    name: str
    email: str
    parent_id: str
    joined: float
    joined_method: str = "CREATED"
    state: AccountState = AccountState.ACTIVE
    tags: Mapping[str, str] = field(default_factory=dict)
    usable_from: float = 0.0  # by AssumeRole
    closes_at: float | None = None

    @property
    def arn(self) -> str:
        """Give the account's ARN as Organizations writes it."""
        return organization_arn(self.id)


@dataclass(frozen=True)
class OrganizationalUnit:
    """One OU."""

    id: str
    name: str
    parent_id: str
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def arn(self) -> str:
        """Give the OU's ARN."""
        return organization_arn(self.id)


@dataclass(frozen=True)
class Creation:
    """One request of CreateAccount and what became of it."""

    id: str
    name: str
    email: str
    role_name: str
    tags: Mapping[str, str]
    requested: float
    state: str = "IN_PROGRESS"
    account_id: str | None = None
    failure: str | None = None
    completed: float | None = None
    late: float | None = None  # by how many seconds what comes of it is seen later; None: by rules or chance


@dataclass
class OrganizationTree:
    """All of the organization."""

    accounts: Shelf[str, Account] = field(default_factory=lambda: Shelf(Kind.ACCOUNT))
    units: Shelf[str, OrganizationalUnit] = field(default_factory=lambda: Shelf(Kind.UNIT))
    creations: Shelf[str, Creation] = field(default_factory=lambda: Shelf(Kind.CREATION))
    open_creations: list[str] = field(default_factory=list)  # those IN_PROGRESS, oldest first
    root_tags: Mapping[str, str] = field(default_factory=dict)
    in_flight_peak: int = 0

    def is_container(self, identifier: str) -> bool:
        """Say whether it is the root or an OU."""
        return identifier == organization.ROOT_ID or identifier in self.units

    def parent_name(self, parent_id: str) -> str:
        """Name the root or an OU."""
        return "Root" if parent_id == organization.ROOT_ID else self.units[parent_id].name

    def path(self, parent_id: str) -> str:
        """Give the path o-…/r-…/ou-…/ from the organization down to a container, as in aws:ResourceOrgPaths."""
        identifiers = []
        while parent_id != organization.ROOT_ID:
            identifiers.append(parent_id)
            parent_id = self.units[parent_id].parent_id
        return "/".join([organization.ORGANIZATION_ID, organization.ROOT_ID, *reversed(identifiers)]) + "/"

    def depth(self, parent_id: str) -> int:
        """Count the OUs from the root down to a container: 0 for the root itself."""
        return self.path(parent_id).count("/") - 2

    def tags_of(self, identifier: str) -> Mapping[str, str] | None:
        """Find the tags of an account, an OU or the root; None if there is no such thing."""
        if identifier == organization.ROOT_ID:
            return self.root_tags
        holder = self.accounts.get(identifier) or self.units.get(identifier)
        return None if holder is None else holder.tags

    def set_tags(self, identifier: str, tags: Mapping[str, str]) -> None:
        """Give an account, an OU or the root other tags."""
        if identifier == organization.ROOT_ID:
            self.root_tags = tags
        elif identifier in self.accounts:
            self.accounts.change(identifier, tags=tags)
        else:
            self.units.change(identifier, tags=tags)
