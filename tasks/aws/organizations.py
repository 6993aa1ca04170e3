"""AWS Organizations in our words: accounts and their creation, tags, and where they stand in the tree.

Every method may raise any StepError of `tasks/aws/faults.py`.
Source: docs.aws.amazon.com/organizations/latest/APIReference.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from tasks.aws.calls import Calls, Response
from tasks.errors import Conflict, PermanentError, Unanswered
from tasks.model.account import Account, AccountState


class CreationState(StrEnum):
    """`CreateAccountStatus.State`."""

    IN_PROGRESS = "IN_PROGRESS"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"


@dataclass(frozen=True)
class CreationStatus:
    """What became of one CreateAccount."""

    request_id: str  # car-…
    state: CreationState
    account_id: str | None = None  # once SUCCEEDED
    failure: str | None = None  # AWS's FailureReason, once FAILED
    ended_at: datetime | None = None  # aware
    told_by: str | None = None  # the AWS request id of the answer that says so


@dataclass(frozen=True)
class Unit:
    """An organizational unit."""

    id: str
    name: str


class Organizations:
    """The organization, seen from its management account."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    @property
    def request_id(self) -> str | None:
        """The AWS request id of the newest answer, for errors that AWS reports in an answer."""
        return self._calls.request_id

    def account(self, account_id: str) -> Account:
        """Describe one account; NotFound when the organization has none of that id."""
        return _account(self._calls.read("describe_account", AccountId=account_id)["Account"])

    def accounts(self) -> Iterator[Account]:
        """List every account in every state, 20 a call; an account of the last seconds may be missing."""
        return map(_account, self._calls.pages("list_accounts", "Accounts"))

    def create_account(self, name: str, email: str, role_name: str | None, tags: Mapping[str, str]) -> str:
        """Ask for a new account and return the request id, car-….

        There is no idempotency token: after Unanswered look the account up, never ask again blindly.
        role_name   the access role that AWS makes in it; None leaves the name to AWS: OrganizationAccountAccessRole
        """
        role = {"RoleName": role_name} if role_name else {}
        tagged = {"Tags": _tag_list(tags)} if tags else {}
        answer = self._calls.write("create_account", AccountName=name, Email=email, **tagged, **role)
        return str(_status(answer)["Id"])

    def creation(self, request_id: str) -> CreationStatus:
        """Describe what became of a CreateAccount; NotFound when AWS has forgotten the request."""
        return _creation(self._calls.read("describe_create_account_status", CreateAccountRequestId=request_id))

    def tags(self, resource_id: str) -> dict[str, str]:
        """List the tags of an account, OU or root."""
        tags = self._calls.pages("list_tags_for_resource", "Tags", ResourceId=resource_id)
        return {tag["Key"]: tag["Value"] for tag in tags}

    def tag(self, resource_id: str, tags: Mapping[str, str]) -> None:
        """Set tags; others stay."""
        self._calls.write("tag_resource", ResourceId=resource_id, Tags=_tag_list(tags))

    def untag(self, resource_id: str, keys: Iterable[str]) -> None:
        """Remove tags."""
        self._calls.write("untag_resource", ResourceId=resource_id, TagKeys=sorted(keys))

    def parent_of(self, child_id: str) -> str:
        """Return the id of the OU or root that an account or OU stands in; NotFound when there is no such child."""
        parent = next(self._calls.pages("list_parents", "Parents", ChildId=child_id), None)
        if parent is None:
            raise Unanswered("NoParent", f"organizations:ListParents: {child_id} has no parent")
        return str(parent["Id"])

    def move_account(self, account_id: str, source: str, target: str) -> None:
        """Move an account; also done when it stands there already. NotFound names what is missing."""
        try:
            self._calls.write("move_account", AccountId=account_id, SourceParentId=source, DestinationParentId=target)
        except Conflict as conflict:
            if conflict.code != "DuplicateAccountException":
                raise

    def close_account(self, account_id: str) -> bool:
        """Begin to close an account; False: it is closed already or about to be. AWS goes on for minutes."""
        try:
            self._calls.write("close_account", AccountId=account_id)
        except Conflict:
            return False
        return True

    def root(self) -> str:
        """Return the id of the organization's root; there is exactly one."""
        root = next(self._calls.pages("list_roots", "Roots"), None)
        if root is None:
            raise Unanswered("NoRoot", "organizations:ListRoots: no root")
        return str(root["Id"])

    def unit_name(self, unit_id: str) -> str:
        """Return the name of an OU; NotFound when there is none."""
        described = self._calls.read("describe_organizational_unit", OrganizationalUnitId=unit_id)
        return str(described["OrganizationalUnit"]["Name"])

    def units_of(self, parent_id: str) -> Iterator[Unit]:
        """List the OUs directly below an OU or the root, 20 a call."""
        units = self._calls.pages("list_organizational_units_for_parent", "OrganizationalUnits", ParentId=parent_id)
        return (Unit(unit["Id"], unit["Name"]) for unit in units)

    def create_unit(self, parent_id: str, name: str) -> Unit:
        """Create an OU; Conflict when the parent has one of that name."""
        unit = self._calls.write("create_organizational_unit", ParentId=parent_id, Name=name)["OrganizationalUnit"]
        return Unit(unit["Id"], unit["Name"])


def _account(described: Any) -> Account:
    """Read an Account; its `Status` retires in September 2026 in favour of `State`, so both are read."""
    raw = described.get("State") or described.get("Status")
    try:
        state = AccountState(raw)
    except ValueError as error:
        raise PermanentError("UnknownAccountState", f"account {described.get('Id')} is in the state {raw!r}") from error
    return Account(
        described["Id"],
        described["Arn"],
        described.get("Name", ""),
        described.get("Email", ""),
        state,
        described.get("JoinedTimestamp"),
        _units(described.get("Paths") or ()),
        described.get("JoinedMethod") == "INVITED",
    )


def _units(paths: Sequence[str]) -> tuple[str, ...]:
    """Read where an account stands from its one path, from the organization down: o-…/r-…/ou-…/<account>/.

    >>> _units(["o-a/r-b/ou-b-c/ou-b-d/123456789012/"])
    ('ou-b-d', 'ou-b-c', 'r-b')
    """
    parts = paths[0].strip("/").split("/") if len(paths) == 1 else []
    return tuple(reversed(parts[1:-1])) if parts[1:2] and parts[1].startswith("r-") else ()


def _creation(answer: Response) -> CreationStatus:
    status = _status(answer)
    raw = str(status.get("State"))
    try:
        state = CreationState(raw)
    except ValueError as error:
        raise PermanentError("UnknownCreationState", f"account creation {status['Id']} is {raw!r}") from error
    return CreationStatus(
        status["Id"],
        state,
        status.get("AccountId"),
        status.get("FailureReason"),
        status.get("CompletedTimestamp"),
        answer.get("ResponseMetadata", {}).get("RequestId"),
    )


def _status(answer: Response) -> Response:
    """The CreateAccountStatus of an answer; without an id it tells nothing, so the call counts as unanswered."""
    status = Response(answer.get("CreateAccountStatus") or {})
    if not status.get("Id"):
        request_id = answer.get("ResponseMetadata", {}).get("RequestId")
        raise Unanswered("MalformedAnswer", "organizations: AWS answered without the id of the creation", request_id)
    return status


def _tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]
