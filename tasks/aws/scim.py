"""Users and groups of IAM Identity Center, through its SCIM endpoint.

AWS's dialect: filters with `eq` and `and` only; a group is never shown with its members, so they are the users with
`groups.value eq "<group>"`, listed with a cursor, 100 a page; at most 100 membership changes a PATCH; never all members
replaced or removed at once; no PUT of a group. A SCIM id is the UserId or GroupId of the identity store, so account
assignments are made with it as they are. A lost Redis loses nothing here: groups are found by name, members are listed.

A group of ours is known by its externalId (`tasks/permissions/group_proof.py`). AWS documents that it is taken when a
group is made and changed, and may be asked for by a filter; that it is shown, only in the answer to the creation. So it
is read where AWS shows it, and asked for where it does not; whose a group is that shows nothing stays unknown then.
Source: docs.aws.amazon.com/singlesignon/latest/developerguide/ (limitations, listusers, creategroup, listgroups,
getgroup, patchgroup)
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tasks.aws.calls import Calls
from tasks.aws.directory import FoundGroup
from tasks.errors import AccessDenied, Conflict, NotFound, Refused


class ScimDirectory:
    """The users and groups behind one SCIM endpoint, as `directory.Directory`."""

    at_once = 100  # membership changes that AWS takes in one PATCH
    shows_marks = False

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def user_id(self, user_name: str) -> str | None:
        """Return the id of a userName; None when there is no such user. ListUsers."""
        found = next(self._all("list_users", equals("userName", user_name)), None)
        return None if found is None else str(found["id"])

    def find_group(self, name: str, mark: str) -> FoundGroup | None:
        """Return the group of a display name; None when there is none. ListGroups, 1 or 2."""
        found = next(self._all("list_groups", equals("displayName", name)), None)
        return None if found is None else self._read(found, mark)

    def group(self, group_id: str, *marks: str) -> FoundGroup:
        """Return the group of an id; NotFound when it is gone. GetGroup, ListGroups 0 or 1 for each mark."""
        return self._read(self._calls.read("get_group", group_id=group_id)["resource"], *marks)

    def create_group(self, name: str, mark: str) -> str | None:
        """Create a group with a mark and return its id; None when the name is taken. CreateGroup."""
        try:
            return str(self._calls.write("create_group", name=name, external_id=mark)["resource"]["id"])
        except Conflict:
            return None

    def mark_group(self, found: FoundGroup, mark: str) -> None:
        """Write a mark on a group. PatchGroup."""
        self._calls.write("patch_group", group_id=found.id, change="replace", external_id=mark)

    def delete_group(self, group_id: str) -> None:
        """Delete a group; one that is gone already is fine. DeleteGroup."""
        try:
            self._calls.write("delete_group", group_id=group_id)
        except NotFound:
            return

    def members(self, group_id: str) -> dict[str, str]:
        """Return the ids of a group's members, each with itself; NotFound when it is gone.

        Reads    ListUsers 1 per 100 members; GetGroup 1 when there are none, as AWS does not say which filters name
                 a group that is gone
        """
        users = self._all("list_users", equals("groups.value", group_id))
        found = {str(user["id"]): str(user["id"]) for user in users}
        if not found:
            self._calls.read("get_group", group_id=group_id)
        return found

    def add(self, group_id: str, user_ids: Sequence[str]) -> None:
        """Put users into a group, again is fine; NotFound when it or one of them is gone. PatchGroup."""
        self._calls.write("patch_group", group_id=group_id, change="add", user_ids=list(user_ids))

    def remove(self, group_id: str, members: Mapping[str, str]) -> set[str]:
        """Take members out of a group; answers whom AWS does not know. PatchGroup, 1 per person when one is refused.

        Raises the last refusal of those that were refused by themselves, after all others are out.
        """
        try:
            self._calls.write("patch_group", group_id=group_id, change="remove", user_ids=list(members))
        except AccessDenied:
            raise
        except NotFound:
            return set(members) if len(members) == 1 else self._remove_each(group_id, members)
        except Refused:
            if len(members) == 1:
                raise
            return self._remove_each(group_id, members)
        return set()

    def _read(self, group: Mapping[str, Any], *marks: str) -> FoundGroup:
        """Read a group, and ask which of the marks it has where AWS does not show that."""
        shown = group["external_id"]
        if shown is None:
            shown = next((mark for mark in marks if self._has(group["id"], mark)), None)
        return FoundGroup(str(group["id"]), str(group["name"]), shown)

    def _has(self, group_id: str, mark: str) -> bool:
        return any(each["id"] == group_id for each in self._all("list_groups", equals("externalId", mark)))

    def _remove_each(self, group_id: str, members: Mapping[str, str]) -> set[str]:
        unknown: set[str] = set()
        refusal: Refused | None = None
        for user_id in members:
            try:
                unknown |= self.remove(group_id, {user_id: user_id})
            except Refused as error:
                refusal = error
        if refusal is not None:
            raise refusal
        return unknown

    def _all(self, operation: str, condition: str) -> Iterator[Mapping[str, Any]]:
        """Yield what stands on all pages.

        AWS may give less than it could on a page, and none on one that is not the last. The first cursor is empty: AWS
        pages only who asks for it.
        """
        cursor: str | None = ""
        while cursor is not None:
            page = self._calls.read(operation, condition=condition, cursor=cursor)
            yield from page["resources"]
            cursor = page["cursor"]


def equals(attribute: str, value: str) -> str:
    r"""Write a filter of AWS's dialect.

    >>> print(equals("displayName", 'the "best"'))
    displayName eq "the \"best\""
    """
    return f"{attribute} eq {json.dumps(value, ensure_ascii=False)}"
