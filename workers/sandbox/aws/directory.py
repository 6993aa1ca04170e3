"""Identity Center's directory: users, groups, memberships, and the rules that every operation on them shares."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from workers.sandbox import organization
from workers.sandbox.aws.call import AwsError, Call

if TYPE_CHECKING:
    from workers.sandbox.aws.world import World

OWNER = organization.MANAGEMENT_ACCOUNT_ID
STORE_ARN = f"arn:aws:identitystore::{OWNER}:identitystore/{organization.IDENTITY_STORE_ID}"


@dataclass
class Entry:
    """A user or group: its attributes are members of AWS's own shape."""

    entry_id: str
    attributes: dict[str, Any]
    created_at: float
    updated_at: float
    revision: int = 1

    def members(self, kind: str) -> dict[str, Any]:
        """Answer the members of the Group or User shape; kind is group or user."""
        return {
            "IdentityStoreId": organization.IDENTITY_STORE_ID,
            f"{kind.capitalize()}Id": self.entry_id,
            f"{kind.capitalize()}Arn": arn(kind, self.entry_id),
            "Revision": str(self.revision),
            **self.attributes,
            "CreatedAt": self.created_at,
            "UpdatedAt": self.updated_at,
        }

    def identifiers(self, kind: str) -> dict[str, Any]:
        """Answer only the ids, as creations and look-ups do."""
        members = self.members(kind)
        names = ("IdentityStoreId", f"{kind.capitalize()}Id", f"{kind.capitalize()}Arn")
        return {name: members[name] for name in names}


@dataclass(frozen=True)
class Membership:
    """A user's place in a group."""

    membership_id: str
    group_id: str
    user_id: str
    created_at: float

    def members(self) -> dict[str, Any]:
        """Answer the members of the GroupMembership shape."""
        return {
            "IdentityStoreId": organization.IDENTITY_STORE_ID,
            "MembershipId": self.membership_id,
            "MembershipArn": arn("membership", self.membership_id),
            "GroupId": self.group_id,
            "MemberId": {"UserId": self.user_id},
            "CreatedAt": self.created_at,
            "UpdatedAt": self.created_at,
        }


@dataclass
class Directory:
    """All users, groups and memberships by id."""

    users: dict[str, Entry] = field(default_factory=dict)
    groups: dict[str, Entry] = field(default_factory=dict)
    memberships: dict[str, Membership] = field(default_factory=dict)
    delegated_administrator: str | None = None  # account id
    _places: dict[tuple[str, str], Membership] = field(default_factory=dict)  # by group id and user id

    def membership(self, group_id: str, user_id: str) -> Membership | None:
        """Answer the user's membership in the group."""
        return self._places.get((group_id, user_id))

    def join(self, group_id: str, user_id: str, now: float) -> Membership:
        """Put the user into the group."""
        membership = Membership(new_id(), group_id, user_id, now)
        self.memberships[membership.membership_id] = self._places[group_id, user_id] = membership
        return membership

    def leave(self, membership: Membership) -> None:
        """Take a member out."""
        del self.memberships[membership.membership_id], self._places[membership.group_id, membership.user_id]

    def delete_group(self, group_id: str) -> None:
        """Delete a group and its memberships."""
        del self.groups[group_id]
        for membership in [each for each in self.memberships.values() if each.group_id == group_id]:
            self.leave(membership)

    def delete_user(self, user_id: str) -> None:
        """Delete a user and its memberships."""
        del self.users[user_id]
        for membership in [each for each in self.memberships.values() if each.user_id == user_id]:
            self.leave(membership)


def arn(kind: str, entry_id: str) -> str:
    """Answer the ARN of a user, group or membership."""
    return f"arn:aws:identitystore:::{kind}/{entry_id}"


def new_id() -> str:
    """Make an id in AWS's format: the store's ten digits, then a UUID."""
    return f"{organization.IDENTITY_STORE_ID.removeprefix('d-')}-{uuid.uuid4()}"


def bare(identifier: str) -> str:
    """Answer an id without the ARN that may stand before it."""
    return identifier.rsplit("/", 1)[-1]


def administers(call: Call, world: World) -> bool:
    """Tell whether the caller's account administers Identity Center: the management account or its delegate."""
    return call.caller.account_id in {world.management_account_id, world.state(Directory).delegated_administrator}


def refuse_others(call: Call, world: World, prefix: str) -> None:
    """Raise AccessDeniedException for accounts that do not administer Identity Center."""
    if not administers(call, world):
        action = f"{prefix}:{call.operation}"
        raise AwsError("AccessDeniedException", f"User: {call.caller.arn} is not authorized to perform: {action}")


def admit(call: Call, world: World) -> Directory:
    """Answer the directory; raise AccessDeniedException for member accounts, ResourceNotFoundException for others."""
    refuse_others(call, world, "identitystore")
    store_id = call.parameters["IdentityStoreId"]
    if store_id not in (organization.IDENTITY_STORE_ID, STORE_ARN) or call.region != organization.REGION:
        raise not_found("IDENTITY_STORE", store_id)
    return world.state(Directory)


def group(directory: Directory, group_id: str) -> Entry:
    """Answer the group; raise ResourceNotFoundException."""
    if bare(group_id) not in directory.groups:
        raise not_found("GROUP", group_id)
    return directory.groups[bare(group_id)]


def user(directory: Directory, user_id: str) -> Entry:
    """Answer the user; raise ResourceNotFoundException."""
    if bare(user_id) not in directory.users:
        raise not_found("USER", user_id)
    return directory.users[bare(user_id)]


def not_found(resource_type: str, resource_id: str | None = None) -> AwsError:
    """Make identitystore's ResourceNotFoundException."""
    fields = {"ResourceType": resource_type, **({"ResourceId": resource_id} if resource_id else {})}
    return AwsError("ResourceNotFoundException", f"{resource_type} not found.", 400, fields)


def taken(message: str) -> AwsError:
    """Make the ConflictException of a value that must be unique."""
    return AwsError("ConflictException", message, 400, {"Reason": "UNIQUENESS_CONSTRAINT_VIOLATION"})


def refuse_stale(entry: Entry, parameters: Mapping[str, Any]) -> None:
    """Raise ConflictException when the caller names a revision that is not the newest."""
    revision = parameters.get("Revision")
    if revision is not None and revision != str(entry.revision):
        raise AwsError("ConflictException", "The revision is stale.", 400, {"Reason": "CONCURRENT_MODIFICATION"})
