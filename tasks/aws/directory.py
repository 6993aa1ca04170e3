"""What a step needs of the users and groups of IAM Identity Center, whichever API serves them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol


class Directory(Protocol):
    """The users and groups of one Identity Center instance."""

    @property
    def at_once(self) -> int:
        """How many people one call takes into a group, or out of it."""

    def user_id(self, user_name: str) -> str | None:
        """Return the UserId of a userName; None when there is no such user."""

    def group_id(self, name: str) -> str | None:
        """Return the GroupId of a display name; None when there is no such group."""

    def create_group(self, name: str, description: str) -> str | None:
        """Create a group and return its GroupId; None when the name is taken."""

    def delete_group(self, group_id: str) -> None:
        """Delete a group; one that is gone already is fine."""

    def members(self, group_id: str) -> dict[str, str]:
        """Return UserId -> what `remove` needs of a member; NotFound when the group is gone."""

    def add(self, group_id: str, user_ids: Sequence[str]) -> None:
        """Put at most `at_once` users into a group, again is fine; NotFound when it or one of them is gone."""

    def remove(self, group_id: str, members: Mapping[str, str]) -> set[str]:
        """Take at most `at_once` of its `members` out of a group; answers the UserIds that AWS says are not in it.

        These are gone already; or they were put in so short a time ago that AWS does not know it everywhere yet.
        """
