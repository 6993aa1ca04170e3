"""What surrounds one execution of a step: the clock, the record, the places in AWS's limits, who watches its calls."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from tasks.aws.calls import Observer
from tasks.aws.organizations import Unit
from tasks.aws.purpose import CONNECTOR, Purpose
from tasks.aws.stack_sets import StackInstance
from tasks.model.account import Account
from tasks.model.batch import Batch, Wants
from tasks.model.handles import Handles
from tasks.model.lane import Lane


class Places(Protocol):
    """The shared count of places in each lane (tasks/limits/lanes.py)."""

    def enter(self, lane: str, place: str, limit: int, wants: Wants | None = None) -> None:
        """Take `place` in `lane`, again is fine; raises LaneFull, and wakes the replication when its turn comes."""

    def gather(self, lane: str, place: str, batch: Batch) -> Sequence[Wants]:
        """Take along who waits in line for the same, and answer what they want."""

    def disband(self, lane: str, place: str, operation: str) -> None:
        """Let those who were taken along ask by themselves."""

    def leave(self, lane: str, place: str) -> None:
        """Give the place back, again is fine, and wake who is next."""


class AccountLists(Protocol):
    """What the last lists of the organization's accounts showed (tasks/organization/account_lists.py)."""

    def find(self, email: str, name: str) -> frozenset[str] | None:
        """Return the ids of accounts with this email or name in a list of the last minutes; None: there is none."""

    def share(self, accounts: Collection[Account], began: datetime, now: datetime) -> None:
        """Tell the others what a whole list showed that began then."""


class NoLists:
    """Always ask AWS."""

    def find(self, email: str, name: str) -> frozenset[str] | None:  # noqa: ARG002 (nothing is known of any account)
        """Know nothing."""
        return None

    def share(self, accounts: Collection[Account], began: datetime, now: datetime) -> None:
        """Tell nobody."""


@dataclass(frozen=True)
class BelowRoot:
    """What a list of the OUs below the root showed of one name."""

    root: str  # its id
    unit: str | None  # id of the OU of that name; None: the list has none


class UnitLists(Protocol):
    """What the last list of the OUs below the root showed (tasks/organization/unit_lists.py)."""

    def find(self, name: str) -> BelowRoot | None:
        """Return the root, and the OU of this name below it, by a list of the last minutes; None: there is none."""

    def share(self, root: str, units: Collection[Unit], began: datetime, now: datetime) -> None:
        """Tell the others what a whole list showed that began then."""

    def forget(self) -> None:
        """Let the next one list afresh."""


class NoUnitLists:
    """Always ask AWS."""

    def find(self, name: str) -> BelowRoot | None:  # noqa: ARG002 (nothing is known of any OU)
        """Know nothing."""
        return None

    def share(self, root: str, units: Collection[Unit], began: datetime, now: datetime) -> None:
        """Tell nobody."""

    def forget(self) -> None:
        """Know nothing."""


@dataclass(frozen=True)
class Unread:
    """How far the accounts of an organization have been read, and which are next."""

    accounts: tuple[str, ...]  # ids; empty: all are read
    left: int  # how many there are, with these
    total: int


class TagIndex(Protocol):
    """Which accounts of the organization carry which tenant's name (tasks/organization/tag_index.py).

    Only a hint: what it says of an account is read again before anything follows from it.
    """

    def is_whole(self) -> bool:
        """Tell whether every account that a list of the last minutes showed has been read."""

    def accounts_of(self, tenant: str) -> frozenset[str]:
        """Return the ids of the accounts that carry the tenant's name."""

    def take_turn(self, reader: str) -> bool:
        """Tell whether `reader` is the one who reads now; nobody else is, for a minute from each call."""

    def leave_turn(self, reader: str) -> None:
        """Let somebody else read at once, if it is the turn of `reader`."""

    def begin(self, accounts: Collection[str], began: datetime) -> None:
        """Take in what a whole list showed that began then: what is not known of these accounts is to be read."""

    def unread(self, most: int) -> Unread | None:
        """Return at most so many of the accounts that are to be read; None: nobody has begun."""

    def note(self, account_id: str, tenant: str | None, now: datetime) -> None:
        """Remember whose name an account carries; None: nobody's."""

    def end(self, now: datetime) -> None:
        """All are read: the index is whole for some minutes."""


class NoTags:
    """Know of no account whose it is, and read nothing: for who makes none."""

    def is_whole(self) -> bool:
        """Have nothing to read."""
        return True

    def accounts_of(self, tenant: str) -> frozenset[str]:  # noqa: ARG002 (nothing is known of any account)
        """Know nothing."""
        return frozenset()

    def take_turn(self, reader: str) -> bool:  # noqa: ARG002 (as above)
        """Read nothing."""
        return False

    def leave_turn(self, reader: str) -> None:
        """Read nothing."""

    def begin(self, accounts: Collection[str], began: datetime) -> None:
        """Read nothing."""

    def unread(self, most: int) -> Unread | None:  # noqa: ARG002 (as above)
        """Read nothing."""
        return None

    def note(self, account_id: str, tenant: str | None, now: datetime) -> None:
        """Remember nothing."""

    def end(self, now: datetime) -> None:
        """Read nothing."""


def _unseen(account_id: str) -> Account | None:  # noqa: ARG001 (nothing is known of any account)
    """Have no snapshot."""
    return None


def _no_instances(stack_set: str, account_id: str) -> Mapping[str, StackInstance] | None:  # noqa: ARG001 (as above)
    """Have no snapshot."""
    return None


@dataclass(frozen=True)
class Run:
    """What surrounds one execution of a step."""

    now: Callable[[], datetime]  # aware, UTC
    remember: Callable[[Handles], None]  # writes handles ahead of a call; raises Superseded when we lost the lease
    places: Places
    limits: Mapping[Lane, int]  # places of each lane
    lookup_grace: timedelta  # how long an account may be missing from ListAccounts after an unanswered CreateAccount
    observer: Observer
    account_created_at: datetime | None = None  # None: the account is old, or not known yet
    purpose: Purpose = CONNECTOR  # whom the calls are for, as CloudTrail shows it
    late: timedelta = timedelta()  # for how long nobody has looked although it was time: that is no waiting
    access_grace: timedelta = timedelta(minutes=30)  # how long a new account's role and services may be missing
    visibility_grace: timedelta = timedelta(seconds=60)  # how long AWS may take to show its own writes everywhere
    users_kept: timedelta = timedelta(hours=12)  # how long a UserId is believed for an unchanged order
    role_propagation: timedelta = timedelta(seconds=15)  # until a changed role holds everywhere
    enrollment_pause: timedelta = timedelta(minutes=1)  # between two requests to Control Tower for one account
    seen: Callable[[str], Account | None] = (
        _unseen  # an account as the day's snapshot shows it (tasks/organization/snapshot.py)
    )
    seen_instances: Callable[[str, str], Mapping[str, StackInstance] | None] = _no_instances  # the same, by region
    lists: AccountLists = field(default_factory=NoLists)
    unit_lists: UnitLists = field(default_factory=NoUnitLists)
    tags: TagIndex = field(default_factory=NoTags)
