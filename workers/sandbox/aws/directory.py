"""Identity Center's directory: users, groups, memberships, and the rules that every operation on them shares."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from workers.sandbox import organization
from workers.sandbox.aws.call import AwsError, Call
from workers.sandbox.aws.shelf import Shelf
from workers.sandbox.aws.visibility_rules import Kind

if TYPE_CHECKING:
    from workers.sandbox.aws.world import World

OWNER = organization.MANAGEMENT_ACCOUNT_ID
STORE_ARN = f"arn:aws:identitystore::{OWNER}:identitystore/{organization.IDENTITY_STORE_ID}"


@dataclass(frozen=True)
class Entry:
    """A user or group: its attributes are members of AWS's own shape."""

    entry_id: str
    attributes: Mapping[str, Any]
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
    """All users and groups by id, and memberships by group and user."""

    users: Shelf[str, Entry] = field(default_factory=lambda: Shelf(Kind.USER))
    groups: Shelf[str, Entry] = field(default_factory=lambda: Shelf(Kind.GROUP))
    memberships: Shelf[tuple[str, str], Membership] = field(default_factory=lambda: Shelf(Kind.MEMBERSHIP))
    delegated_administrator: str | None = None  # account id
    _places: dict[str, tuple[str, str]] = field(default_factory=dict)  # membership id -> group and user, gone ones too

    def membership(self, group_id: str, user_id: str) -> Membership | None:
        """Answer the user's membership in the group."""
        return self.memberships.get((group_id, user_id))

    def membership_of(self, membership_id: str) -> Membership | None:
        """Answer the membership with this id."""
        found = self.memberships.get(self._places.get(membership_id, ("", "")))
        return found if found is not None and found.membership_id == membership_id else None

    def join(self, group_id: str, user_id: str, now: float) -> Membership:
        """Put the user into the group."""
        membership = Membership(new_id(), group_id, user_id, now)
        self.memberships[group_id, user_id] = membership
        self._places[membership.membership_id] = group_id, user_id
        return membership

    def leave(self, membership: Membership) -> None:
        """Take a member out."""
        del self.memberships[membership.group_id, membership.user_id]

    def change_group(self, group_id: str, attributes: Mapping[str, Any], now: float) -> None:
        """Set some attributes of a group."""
        entry = self.groups[group_id]
        changed = {**entry.attributes, **attributes}
        self.groups.change(group_id, attributes=changed, updated_at=now, revision=entry.revision + 1)

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


def group(world: World, group_id: str) -> Entry:
    """Answer the group; raise ResourceNotFoundException."""
    found = world.named(lambda each: each.state(Directory).groups.get(bare(group_id)))
    if found is None:
        raise not_found("GROUP", group_id)
    return found


def user(world: World, user_id: str) -> Entry:
    """Answer the user; raise ResourceNotFoundException."""
    found = world.named(lambda each: each.state(Directory).users.get(bare(user_id)))
    if found is None:
        raise not_found("USER", user_id)
    return found


def same(one: Any, other: Any, world: World) -> bool:
    """Tell whether two names are one; AWS's documentation does not say whether case counts, so an option does."""
    if not isinstance(one, str) or not isinstance(other, str):
        return False
    return one.casefold() == other.casefold() if world.options.names_ignore_case else one == other


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
