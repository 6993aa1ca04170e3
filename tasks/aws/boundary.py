"""What a step is given: AWS's services in our words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Self

from config.platform import Platform, ScimAccess
from tasks.aws.access_role import AccessRole
from tasks.aws.account_alias import AccountAliases
from tasks.aws.calls import Calls
from tasks.aws.clients import Acting
from tasks.aws.cloudformation import Stacks
from tasks.aws.control_tower import EXECUTION_ROLE, ControlTower
from tasks.aws.cost_explorer import CostExplorer
from tasks.aws.directory import Directory
from tasks.aws.identity_center import AccountAssignments
from tasks.aws.identity_store import IdentityStoreDirectory
from tasks.aws.lambda_functions import Functions
from tasks.aws.metadata_source import MetadataSource
from tasks.aws.organizations import Organizations
from tasks.aws.roles import Roles
from tasks.aws.run import BelowRoot, Run, TagIndex
from tasks.aws.saml_providers import SamlProviders
from tasks.aws.scim import ScimDirectory
from tasks.aws.service_catalog import ServiceCatalog
from tasks.aws.service_control_policies import ControlPolicies
from tasks.aws.session import Sessions
from tasks.aws.stack_sets import StackInstance, StackSets
from tasks.aws.sts import Identity
from tasks.model.account import Account
from tasks.model.batch import Batch, Wants
from tasks.model.handles import Handles
from tasks.model.lane import Lane, sign_in_to

MANAGEMENT = "the management account"  # every account is entered from there


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
    def late(self) -> timedelta:
        """For how long nobody has looked although it was time: what a step waits for did not wait then."""
        return self._run.late

    @property
    def lookup_grace(self) -> timedelta:
        """How long a new account may be missing from AWS's lists."""
        return self._run.lookup_grace

    @property
    def visibility_grace(self) -> timedelta:
        """How long AWS may take to show its own writes everywhere: a younger list proves nothing absent."""
        return self._run.visibility_grace

    @property
    def users_kept(self) -> timedelta:
        """How long the UserId of a person is believed for an unchanged order."""
        return self._run.users_kept

    @property
    def role_propagation(self) -> timedelta:
        """How long a changed role may be the old one somewhere. Source: IAM user guide, troubleshooting."""
        return self._run.role_propagation

    @property
    def enrollment_pause(self) -> timedelta:
        """How long Control Tower is left alone between two requests for one account; each takes it 20 minutes."""
        return self._run.enrollment_pause

    def remember(self, handles: Handles) -> None:
        """Write handles down before a call that must not be forgotten; raises Superseded, then nothing may be sent."""
        self._run.remember(handles)

    def enter(self, lane: Lane, of: str, place: str, wants: Wants | None = None) -> None:
        """Take a place in the lane of one organization, instance or StackSet; raises LaneFull. Again is fine.

        wants   what the operation of another tenant may do for this one, while it waits
        """
        self._run.places.enter(f"{lane} in {of}", place, self._run.limits[lane], wants)

    def gather(self, lane: Lane, of: str, place: str, batch: Batch) -> tuple[str, ...]:
        """Take along who waits for the same; returns their accounts. Each of them finds it in its own handles.

        Raises Superseded when somebody else has taken over: then nothing may be sent.
        """
        return tuple(sorted(wants.account for wants in self._run.places.gather(f"{lane} in {of}", place, batch)))

    def disband(self, lane: Lane, of: str, place: str, operation: str) -> None:
        """Let those who were taken along ask by themselves: AWS has refused the operation."""
        self._run.places.disband(f"{lane} in {of}", place, operation)

    def leave(self, lane: Lane, of: str, place: str) -> None:
        """Give the place back and wake who is next. Again is fine."""
        self._run.places.leave(f"{lane} in {of}", place)

    @property
    def refuses_what_is_there(self) -> bool:
        """Whether AWS's refusal tells that a thing is there already, so that it can be made without a look."""
        return True

    def has_seen(self, fact: tuple[str, ...], within: timedelta) -> bool:
        """Tell whether this process has seen that something of the platform is so, not longer ago than `within`."""
        return self._sessions.recent.holds((self._platform.identifier, *fact), self.now(), within)

    def knowing(self, handles: Handles) -> Self:
        """Return what a later step would be given: how new the account is, which was not known when this one began."""
        aware = copy(self)
        aware._run = replace(self._run, account_created_at=handles.account_created_at)  # noqa: SLF001 (a copy of ours)
        return aware

    @property
    def is_young(self) -> bool:
        """Whether the account is so new that its role and services may still be missing."""
        created_at, grace = self._run.account_created_at, self._run.access_grace
        return created_at is not None and self.now() - created_at < grace

    def seen(self, account_id: str) -> Account | None:
        """Return an account as the snapshot of the day shows it; None, and always but in a daily replication: ask.

        Only that all is right may be taken from it; a difference is read afresh before anything is written.
        """
        return self._run.seen(account_id)

    def seen_instances(self, stack_set: str, account_id: str) -> Mapping[str, StackInstance] | None:
        """Return an account's instances of a StackSet (ARN) by region, as `seen` does."""
        return self._run.seen_instances(stack_set, account_id)

    def listed(self, email: str, name: str, reader: str) -> frozenset[str]:
        """Return the ids of accounts with this email or name, by a list of the last minutes: one lists for all.

        reader   the tenant that asks
        ListAccounts, 1 call for 20 accounts, when there is no such list. Raises LaneFull while somebody else lists.
        """
        found = self._run.lists.find(email, name)
        with self._alone(Lane.ACCOUNT_LIST, reader, needed=found is None):
            return self._listed_now(email, name) if found is None else found

    @contextmanager
    def _alone(self, lane: Lane, reader: str, *, needed: bool) -> Iterator[None]:
        """Read, if that is needed, what the others wait for; raises LaneFull while somebody else does."""
        organization = self._platform.management_account_id
        if needed:
            self.enter(lane, organization, reader)
        try:
            yield
        finally:  # also the turn of who has waited, and needs none any more
            self.leave(lane, organization, reader)

    def _listed_now(self, email: str, name: str) -> frozenset[str]:
        alike = (each for each in self.list_accounts() if each.name == name or each.email.lower() == email.lower())
        return frozenset(each.id for each in alike)

    @property
    def tag_index(self) -> TagIndex:
        """Which accounts of the organization carry which tenant's name, as far as somebody has read it."""
        return self._run.tags

    def list_accounts(self) -> list[Account]:
        """List the organization afresh, and let others believe it for some minutes: 1 call for 20 accounts."""
        began = self.now()
        accounts = list(self.organizations.accounts())
        self._run.lists.share(accounts, began, self.now())
        return accounts

    def below_root(self, name: str, reader: str) -> BelowRoot:
        """Return the root and the OU of this name below it, by a list of the last minutes: one lists for all.

        reader   the tenant that asks
        ListRoots and ListOrganizationalUnitsForParent, 1 call for 20 OUs, when there is no such list. Raises LaneFull
        while somebody else lists.
        """
        found = self._run.unit_lists.find(name)
        with self._alone(Lane.UNIT_LIST, reader, needed=found is None):
            return self.below_root_now(name) if found is None else found

    def below_root_now(self, name: str) -> BelowRoot:
        """Return the same by a list of this moment, and let others believe it for some minutes."""
        began, root = self.now(), self.organizations.root()
        units = list(self.organizations.units_of(root))
        self._run.unit_lists.share(root, units, began, self.now())
        return BelowRoot(root, next((unit.id for unit in units if unit.name == name), None))

    def forget_units(self) -> None:
        """Let the next one list the OUs below the root afresh: there is another one, or one less."""
        self._run.unit_lists.forget()

    def note_seen(self, fact: tuple[str, ...]) -> None:
        """Remember that something of the platform is so now."""
        self._sessions.recent.note((self._platform.identifier, *fact), self.now())

    @cached_property
    def organizations(self) -> Organizations:
        """The organization, as the management account's role sees it."""
        return Organizations(self._management("organizations"))

    @cached_property
    def control_policies(self) -> ControlPolicies:
        """The organization's service control policies."""
        return ControlPolicies(self._management("organizations"))

    @cached_property
    def directory(self) -> Directory:
        """Users and groups of Identity Center, by whichever API the platform names."""
        access = self._platform.identity_center
        if isinstance(access, ScimAccess):
            client, account_id = self._sessions.scim(access), self._platform.management_account_id
            return ScimDirectory(self._calls(client, account_id, way_in="SCIM"))
        if access is None:
            raise ValueError(f"platform {self._platform.identifier} has no Identity Center")
        return IdentityStoreDirectory(self._management("identitystore"), access.identity_store_id)

    @cached_property
    def account_assignments(self) -> AccountAssignments:
        """Which group has which permission set in which account."""
        return AccountAssignments(self._management("sso-admin"))

    def stack_sets(self, region: str) -> StackSets:
        """The automation account's StackSets in a region."""
        return StackSets(self._automation("cloudformation", region))

    def functions(self, region: str, timeout: timedelta) -> Functions:
        """The Lambda functions that the automation account may run in a region, each for as long as `timeout`."""
        return Functions(self._automation("lambda", region, timeout))

    def stacks(self, account_id: str, region: str) -> Stacks:
        """A member account's CloudFormation stacks in a region."""
        return Stacks(self._member(account_id, "cloudformation", region))

    def account_aliases(self, account_id: str) -> AccountAliases:
        """The IAM alias of a member account."""
        return AccountAliases(self._member(account_id, "iam"))

    def access_role(self, account_id: str) -> AccessRole:
        """The access role of a member account, as it sees itself."""
        return AccessRole(self._member(account_id, "iam"), self._platform.account_access_role, self._platform.partition)

    def access_role_from_outside(self, account_id: str) -> AccessRole:
        """The access role of an account that is taken over, as the account's import role sees it."""
        client = self._sessions.imported(self._platform, account_id, "iam", self._run.purpose)
        calls = self._calls(client, account_id, inside=True, way_in=MANAGEMENT)
        return AccessRole(calls, self._platform.account_access_role, self._platform.partition)

    @cached_property
    def service_catalog(self) -> ServiceCatalog:
        """The management account's Service Catalog, which has Control Tower's account factory."""
        return ServiceCatalog(self._management("servicecatalog"))

    @cached_property
    def control_tower(self) -> ControlTower:
        """Control Tower's landing zone."""
        return ControlTower(self._management("controltower"))

    @cached_property
    def cost_explorer(self) -> CostExplorer:
        """What the organization costs; the platform must have metering configured."""
        return CostExplorer(self._metering("ce"))

    @property
    def metering_identity(self) -> Identity:
        """Who reads the costs."""
        return Identity(self._metering("sts"))

    def execution_role(self, account_id: str) -> AccessRole:
        """The role of a member account by which Control Tower works in it."""
        return AccessRole(self._member(account_id, "iam"), EXECUTION_ROLE, self._platform.partition)

    def roles(self, account_id: str) -> Roles:
        """The IAM roles of a member account."""
        return Roles(self._member(account_id, "iam"))

    def saml_providers(self, account_id: str) -> SamlProviders:
        """The SAML providers of a member account."""
        return SamlProviders(self._member(account_id, "iam"))

    @property
    def metadata(self) -> MetadataSource:
        """SAML metadata behind addresses."""
        return self._sessions.metadata

    def identity(self, account_id: str) -> Identity:
        """Who we are in a member account."""
        return Identity(self._member(account_id, "sts"))

    @property
    def user_identity(self) -> Identity:
        """Who signs in, before any role."""
        return Identity(self._calls(self._sessions.user(self._platform, "sts")))

    @property
    def management_identity(self) -> Identity:
        """Who we are in the management account."""
        return Identity(self._management("sts"))

    @property
    def automation_identity(self) -> Identity:
        """Who we are in the automation account."""
        return Identity(self._automation("sts", self._platform.region))

    def _management(self, service: str) -> Calls:
        client = self._sessions.management(self._platform, service, self._run.purpose)
        return self._calls(client, self._platform.management_account_id, way_in=MANAGEMENT)

    def _automation(self, service: str, region: str, patience: timedelta | None = None) -> Calls:
        client = self._sessions.automation(self._platform, service, region, patience, self._run.purpose)
        return self._calls(client, way_in="the automation account")

    def _metering(self, service: str) -> Calls:
        return self._calls(self._sessions.metering(self._platform, service), self._platform.management_account_id)

    def _member(self, account_id: str, service: str, region: str | None = None) -> Calls:
        region = region or self._platform.region
        client = self._sessions.member(self._platform, account_id, service, region, self._run.purpose)
        return self._calls(client, account_id, young=self.is_young, inside=True, way_in=MANAGEMENT)

    def _calls(
        self,
        client: Any,
        account_id: str | None = None,
        *,
        young: bool = False,
        inside: bool = False,
        way_in: str | None = None,
    ) -> Calls:
        told = client.made_for(self._run.purpose) if isinstance(client, Acting) else client  # SCIM has no CloudTrail
        return Calls(
            told,
            self._run.observer,
            account_id,
            young=young,
            inside=inside,
            gate=way_in and sign_in_to(way_in, self._platform.identifier),
            expired=self._sign_in_anew,
            refused=self._sessions.refused,
        )

    def _sign_in_anew(self) -> None:
        """Forget the platform's credentials: AWS says that they have expired, whatever our clock says."""
        self._sessions.forget(self._platform)
