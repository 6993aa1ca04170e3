"""Users and groups of IAM Identity Center, through the Identity Store API.

Look-ups by GetUserId and GetGroupId: the filters of ListUsers and ListGroups are deprecated.
Source: docs.aws.amazon.com/singlesignon/latest/IdentityStoreAPIReference/
"""

from __future__ import annotations

from typing import Any

from tasks.aws.calls import Calls
from tasks.errors import Conflict, NotFound


class Directory:
    """One identity store."""

    def __init__(self, calls: Calls, identity_store_id: str) -> None:
        self._calls = calls
        self._store = identity_store_id

    def user_id(self, user_name: str) -> str | None:
        """Return the UserId of a userName; None when there is no such user. GetUserId."""
        return self._find("get_user_id", "userName", user_name, "UserId")

    def group_id(self, name: str) -> str | None:
        """Return the GroupId of a display name; None when there is no such group. GetGroupId."""
        return self._find("get_group_id", "displayName", name, "GroupId")

    def create_group(self, name: str, description: str) -> str | None:
        """Create a group and return its GroupId; None when the name is taken. CreateGroup."""
        try:
            answer = self._calls.write(
                "create_group", IdentityStoreId=self._store, DisplayName=name, Description=description
            )
        except Conflict:
            return None
        return str(answer["GroupId"])

    def delete_group(self, group_id: str) -> None:
        """Delete a group; one that is gone already is fine. DeleteGroup."""
        try:
            self._calls.write("delete_group", IdentityStoreId=self._store, GroupId=group_id)
        except NotFound:
            return

    def members(self, group_id: str) -> dict[str, str]:
        """Return UserId -> MembershipId of a group; NotFound when it is gone. ListGroupMemberships, all pages."""
        listed = self._calls.pages(
            "list_group_memberships", "GroupMemberships", IdentityStoreId=self._store, GroupId=group_id
        )
        return {item["MemberId"]["UserId"]: item["MembershipId"] for item in listed}

    def add(self, group_id: str, user_id: str) -> None:
        """Put a user into a group, again is fine; NotFound when either is gone. CreateGroupMembership."""
        try:
            self._calls.write(
                "create_group_membership",
                IdentityStoreId=self._store,
                GroupId=group_id,
                MemberId={"UserId": user_id},
            )
        except Conflict:
            return

    def remove(self, membership_id: str) -> None:
        """Take a user out of a group; a membership that is gone already is fine. DeleteGroupMembership."""
        try:
            self._calls.write("delete_group_membership", IdentityStoreId=self._store, MembershipId=membership_id)
        except NotFound:
            return

    def _find(self, operation: str, path: str, value: str, member: str) -> str | None:
        identifier: dict[str, Any] = {"UniqueAttribute": {"AttributePath": path, "AttributeValue": value}}
        try:
            answer = self._calls.read(operation, IdentityStoreId=self._store, AlternateIdentifier=identifier)
        except NotFound:
            return None
        return str(answer[member])


class IdentityStore:
    """The identity stores that the management account's role can reach."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def directory(self, identity_store_id: str) -> Directory:
        """Return one of them (d-…)."""
        return Directory(self._calls, identity_store_id)
