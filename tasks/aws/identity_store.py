"""Users and groups of IAM Identity Center, through the Identity Store API.

Look-ups by GetUserId and GetGroupId: the filters of ListUsers and ListGroups are deprecated. Members by
ListGroupMemberships, 100 a page: IsMemberInGroups asks for one person each time and never shows somebody who was put
in by hand and must go, so it saves no call in any group of ours.
A group of ours is known by its Description (`tasks/permissions/group_proof.py`), which only DescribeGroup shows.
A ConflictException has two reasons: UNIQUENESS_CONSTRAINT_VIOLATION (the name or member is there, which is what we
wanted) and CONCURRENT_MODIFICATION (nothing was taken, so it is Throttled: `fault_table.py`).
Source: docs.aws.amazon.com/singlesignon/latest/IdentityStoreAPIReference/
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tasks.aws.calls import Calls
from tasks.aws.directory import FoundGroup
from tasks.errors import Conflict, NotFound


class IdentityStoreDirectory:
    """One identity store, as `directory.Directory`."""

    at_once = 1
    shows_marks = True

    def __init__(self, calls: Calls, identity_store_id: str) -> None:
        self._calls = calls
        self._store = identity_store_id

    def user_id(self, user_name: str) -> str | None:
        """Return the UserId of a userName; None when there is no such user. GetUserId."""
        return self._find("get_user_id", "userName", user_name, "UserId")

    def find_group(self, name: str, mark: str) -> FoundGroup | None:
        """Return the group of a display name; None when there is none. GetGroupId, and DescribeGroup when there is."""
        group_id = self._find("get_group_id", "displayName", name, "GroupId")
        if group_id is None:
            return None
        try:
            return self.group(group_id, mark)
        except NotFound:
            return None

    def group(self, group_id: str, *marks: str) -> FoundGroup:  # noqa: ARG002 (AWS shows the one that the group has)
        """Return the group of an id; NotFound when it is gone. DescribeGroup."""
        found = self._calls.read("describe_group", IdentityStoreId=self._store, GroupId=group_id)
        return FoundGroup(group_id, found.get("DisplayName", ""), found.get("Description"), found.get("Revision"))

    def create_group(self, name: str, mark: str) -> str | None:
        """Create a group with a mark and return its GroupId; None when the name is taken. CreateGroup."""
        try:
            answer = self._calls.write("create_group", IdentityStoreId=self._store, DisplayName=name, Description=mark)
        except Conflict:
            return None
        return str(answer["GroupId"])

    def mark_group(self, found: FoundGroup, mark: str) -> None:
        """Write a mark on a group, in place of its description; Throttled when it was changed since. UpdateGroup."""
        change = {"AttributePath": "description", "AttributeValue": mark}
        as_found = {} if found.revision is None else {"Revision": found.revision}
        self._calls.write(
            "update_group", IdentityStoreId=self._store, GroupId=found.id, Operations=[change], **as_found
        )

    def delete_group(self, group_id: str) -> None:
        """Delete a group; one that is gone already is fine. DeleteGroup."""
        try:
            self._calls.write("delete_group", IdentityStoreId=self._store, GroupId=group_id)
        except NotFound:
            return

    def members(self, group_id: str) -> dict[str, str]:
        """Return UserId -> MembershipId of a group; NotFound when it is gone. ListGroupMemberships, 1 per 100."""
        listed = self._calls.pages(
            "list_group_memberships", "GroupMemberships", IdentityStoreId=self._store, GroupId=group_id
        )
        return {item["MemberId"]["UserId"]: item["MembershipId"] for item in listed}

    def add(self, group_id: str, user_ids: Sequence[str]) -> None:
        """Put users into a group, again is fine; NotFound when one is gone. CreateGroupMembership, 1 for each."""
        for user_id in user_ids:
            try:
                self._calls.write(
                    "create_group_membership",
                    IdentityStoreId=self._store,
                    GroupId=group_id,
                    MemberId={"UserId": user_id},
                )
            except Conflict:
                continue

    def remove(self, group_id: str, members: Mapping[str, str]) -> set[str]:
        """Take members out; answers whose membership AWS does not know. DeleteGroupMembership, 1 for each."""
        unknown = set()
        for user_id, membership_id in members.items():
            try:
                about = {"GroupId": group_id, "UserId": user_id}
                self._calls.write_about(
                    about, "delete_group_membership", IdentityStoreId=self._store, MembershipId=membership_id
                )
            except NotFound:
                unknown.add(user_id)
        return unknown

    def _find(self, operation: str, path: str, value: str, member: str) -> str | None:
        identifier: dict[str, Any] = {"UniqueAttribute": {"AttributePath": path, "AttributeValue": value}}
        try:
            answer = self._calls.read(operation, IdentityStoreId=self._store, AlternateIdentifier=identifier)
        except NotFound:
            return None
        return str(answer[member])
