"""What a step is given: AWS's services in our words, and what this one run may do around its calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Any, Protocol

from config.platform import Platform
from tasks.aws.account_alias import AccountAliases
from tasks.aws.calls import Calls, Observer
from tasks.aws.cloudformation import Stacks
from tasks.aws.identity_center import AccountAssignments
from tasks.aws.identity_store import IdentityStore
from tasks.aws.organizations import Organizations
from tasks.aws.session import Sessions
from tasks.aws.stack_sets import StackSets
from tasks.aws.sts import Identity
from tasks.model import Handles


class Lane(StrEnum):
    """An AWS limit on work that is still in flight after the call that started it."""

    ACCOUNT_CREATION = "account creation"  # per organization
    ACCOUNT_ASSIGNMENT = "account assignment"  # per Identity Center instance
    STACK_SET_OPERATION = "StackSet operation"  # per StackSet


class Places(Protocol):
    """The shared count of places in each lane (tasks/limits.py)."""

    def enter(self, lane: str, place: str, limit: int) -> None:
        """Take `place` in `lane`, again is fine; raises LaneFull, and wakes the replication when its turn comes."""

    def leave(self, lane: str, place: str) -> None:
        """Give the place back, again is fine, and wake who is next."""


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
    access_grace: timedelta = timedelta(minutes=30)  # how long a new account's role and services may be missing


class Aws:
    """AWS as one step of one tenant sees it."""

    def __init__(self, platform: Platform, sessions: Sessions, run: Run) -> None:
        self._platform = platform
        self._sessions = sessions
        self._run = run

    def now(self) -> datetime:
        """Return the time, UTC."""
        return self._run.now()

    @property
    def lookup_grace(self) -> timedelta:
        """How long a new account may be missing from AWS's lists."""
        return self._run.lookup_grace

    def remember(self, handles: Handles) -> None:
        """Write handles down before a call that must not be forgotten; raises Superseded, then nothing may be sent."""
        self._run.remember(handles)

    def enter(self, lane: Lane, of: str, place: str) -> None:
        """Take a place in the lane of one organization, instance or StackSet; raises LaneFull. Again is fine."""
        self._run.places.enter(f"{lane} in {of}", place, self._run.limits[lane])

    def leave(self, lane: Lane, of: str, place: str) -> None:
        """Give the place back and wake who is next. Again is fine."""
        self._run.places.leave(f"{lane} in {of}", place)

    @cached_property
    def organizations(self) -> Organizations:
        """The organization, as the management account's role sees it."""
        return Organizations(self._management("organizations"))

    @cached_property
    def identity_store(self) -> IdentityStore:
        """Users and groups of Identity Center."""
        return IdentityStore(self._management("identitystore"))

    @cached_property
    def account_assignments(self) -> AccountAssignments:
        """Which group has which permission set in which account."""
        return AccountAssignments(self._management("sso-admin"))

    def stack_sets(self, region: str) -> StackSets:
        """The automation account's StackSets in a region."""
        return StackSets(self._calls(self._sessions.automation(self._platform, "cloudformation", region)))

    def stacks(self, account_id: str, region: str) -> Stacks:
        """A member account's CloudFormation stacks in a region."""
        return Stacks(self._member(account_id, "cloudformation", region))

    def account_aliases(self, account_id: str) -> AccountAliases:
        """The IAM alias of a member account."""
        return AccountAliases(self._member(account_id, "iam"))

    def identity(self, account_id: str) -> Identity:
        """Who we are in a member account."""
        return Identity(self._member(account_id, "sts"))

    def _management(self, service: str) -> Calls:
        return self._calls(self._sessions.management(self._platform, service), self._platform.management_account_id)

    def _member(self, account_id: str, service: str, region: str | None = None) -> Calls:
        client = self._sessions.member(self._platform, account_id, service, region or self._platform.region)
        created_at, grace = self._run.account_created_at, self._run.access_grace
        young = created_at is not None and self.now() - created_at < grace
        return Calls(client, self._run.observer, account_id, young=young)

    def _calls(self, client: Any, account_id: str | None = None) -> Calls:
        return Calls(client, self._run.observer, account_id)
