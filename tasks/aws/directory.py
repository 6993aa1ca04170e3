"""What a step needs of the users and groups of IAM Identity Center, whichever API serves them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class FoundGroup:
    """A group as AWS shows it."""

    id: str
    name: str  # its display name, of which AWS does not tell cases apart
    mark: str | None  # what says whose it is: the Description, or SCIM's externalId; None: nothing that AWS shows
    revision: str | None = None  # counts its changes; None: AWS does not say


class Directory(Protocol):
    """The users and groups of one Identity Center instance."""

    @property
    def at_once(self) -> int:
        """How many people one call takes into a group, or out of it."""

    @property
    def shows_marks(self) -> bool:
        """Whether a group that shows no mark has none."""

    def user_id(self, user_name: str) -> str | None:
        """Return the UserId of a userName; None when there is no such user."""

    def find_group(self, name: str, mark: str) -> FoundGroup | None:
        """Return the group of a display name; None when there is none. `mark` is the one that it should have."""

    def group(self, group_id: str, *marks: str) -> FoundGroup:
        """Return the group of an id; NotFound when it is gone. `marks` are those that it may have."""

    def create_group(self, name: str, mark: str) -> str | None:
        """Create a group with a mark and return its GroupId; None when the name is taken."""

    def mark_group(self, found: FoundGroup, mark: str) -> None:
        """Write a mark on a group that has none; Throttled when it was changed since it was found."""

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
