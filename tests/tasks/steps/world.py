"""One tenant's view of the simulated AWS for the tests of a step: what surrounds it, and what AWS has in the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any

from pydantic import SecretStr

from config.landing_zone import LandingZone
from config.patterns import Pattern
from config.platform import CredentialAuth, IdentityStore, Platform, PlatformRoleMapping, ScimAccess
from tasks.aws import Aws, Lane, Run
from tasks.aws.calls import Observer
from tasks.aws.run import AccountLists, NoLists, NoTags, NoUnitLists, TagIndex, UnitLists
from tasks.aws.session import Sessions
from tasks.errors import LaneFull
from tasks.model.batch import Batch, Wants
from tasks.model.call import CallRecord
from tasks.model.desired import Desired, Tenant, TenantId
from tasks.model.handles import Creation, Handles
from tasks.model.replication import Done, Outcome, Wait
from tasks.names import account_email, account_name, account_tags, first_tags
from tasks.steps.create_account import create_account
from tasks.steps.wait_for_account import wait_for_account
from tests.support.waiting import eventually
from workers.sandbox import organization
from workers.sandbox.client import SimulatorClient

AFTER_FAST = 0.055  # seconds: each look asks AWS, and FAST (conftest.py) makes it work for 0.05 s
Step = Callable[[Tenant, Handles, Aws], Outcome]

PLATFORM = Platform(
    identifier="aws.sandbox",
    name="aws",
    location="sandbox",
    region=organization.REGION,
    auth=CredentialAuth(
        access_key=organization.SERVICE_USER_ACCESS_KEY,
        secret_key=organization.SERVICE_USER_SECRET_KEY,
    ),
    management_role_arn=organization.MANAGEMENT_ROLE_ARN,
    management_external_id=organization.EXTERNAL_ID,
    automation_role_arn=organization.AUTOMATION_ROLE_ARN,
    automation_external_id=organization.AUTOMATION_EXTERNAL_ID,
    account_access_role=organization.ACCESS_ROLE,
    account_alias_pattern=Pattern.parse("#{workspaceIdentifier}-#{projectIdentifier}"),
    account_email_pattern=Pattern.parse("aws+#{workspaceIdentifier}.#{projectIdentifier}@example.com"),
    identity_store=IdentityStore(
        identity_store_id=organization.IDENTITY_STORE_ID,
        instance_arn=organization.INSTANCE_ARN,
        group_name_pattern=Pattern.parse(
            "#{workspaceIdentifier}.#{projectIdentifier}-#{platformGroupAlias}", extra=("platformGroupAlias",)
        ),
        sign_in_url="https://sandbox.awsapps.com/start",
        role_mappings=(
            PlatformRoleMapping(
                project_role="admin", aws_role="admin", permission_set_arns=(organization.ADMIN_PERMISSION_SET_ARN,)
            ),
            PlatformRoleMapping(
                project_role="reader", aws_role="reader", permission_set_arns=(organization.READER_PERMISSION_SET_ARN,)
            ),
        ),
    ),
)
assert PLATFORM.identity_store is not None
SCIM = ScimAccess(  # the same groups and mappings, the other way
    scim_endpoint=f"https://scim.{organization.REGION}.amazonaws.com{organization.SCIM_PATH}/",
    access_token=SecretStr(organization.SCIM_ACCESS_TOKEN),
    instance_arn=organization.INSTANCE_ARN,
    group_name_pattern=PLATFORM.identity_store.group_name_pattern,
    sign_in_url=PLATFORM.identity_store.sign_in_url,
    role_mappings=PLATFORM.identity_store.role_mappings,
)
LANDING_ZONE = LandingZone(
    name="development", display_name="Development", target_organizational_unit=organization.DEVELOPMENT_OU_ID
)


class MemoryPlaces:
    """Places in lanes, kept in memory."""

    def __init__(self) -> None:
        self.taken: dict[str, list[str]] = {}
        self.waiting: list[Wants] = []
        self.wanted: list[Wants] = []
        self.gathered: list[Batch] = []
        self.disbanded: list[str] = []

    def enter(self, lane: str, place: str, limit: int, wants: Wants | None = None) -> None:
        """Take a place; again is fine."""
        places = self.taken.setdefault(lane, [])
        self.wanted += [wants] if wants is not None else []
        if place not in places and len(places) >= limit:
            raise LaneFull(lane)
        if place not in places:
            places.append(place)

    def gather(self, lane: str, place: str, batch: Batch) -> list[Wants]:
        """Take along whom a test lets wait."""
        self.gathered.append(batch)
        found = [each for each in self.waiting if each.kind == batch.kind]
        self.waiting = [each for each in self.waiting if each not in found]
        return found

    def disband(self, lane: str, place: str, operation: str) -> None:
        """Note that those who were taken along ask by themselves."""
        self.disbanded.append(operation)

    def leave(self, lane: str, place: str) -> None:
        """Give a place back; again is fine."""
        if place in self.taken.get(lane, []):
            self.taken[lane].remove(place)


@dataclass
class MemoryYoung:
    """What was made a moment ago, kept in memory."""

    grace: timedelta = timedelta()  # none: nothing is young, for the simulator shows everything at once
    made: dict[str, float] = field(default_factory=dict)
    gone: dict[str, float] = field(default_factory=dict)

    def note(self, names: Collection[str]) -> None:
        """Note that these were made now."""
        self.made |= dict.fromkeys(names, time.monotonic())
        for name in names:
            self.gone.pop(name, None)

    def forget(self, names: Collection[str]) -> None:
        """Note that these are gone."""
        for name in names:
            self.made.pop(name, None)

    def bury(self, name: str) -> None:
        """Note that this was deleted now."""
        self.gone[name] = time.monotonic()

    def any_of(self, names: Collection[str]) -> bool:
        """Tell whether one of these was made less than the grace ago."""
        since = time.monotonic() - self.grace.total_seconds()
        return any(self.made.get(name, 0.0) > since for name in names)

    def is_gone(self, name: str) -> bool:
        """Tell whether this was deleted less than the grace ago."""
        return self.gone.get(name, 0.0) > time.monotonic() - self.grace.total_seconds()


@dataclass
class World:
    """One test's AWS. Every test has a workspace of its own, so that all share one simulator."""

    simulator: SimulatorClient
    sessions: Sessions
    workspace: str
    ahead: timedelta = timedelta()  # by which this test's clock is ahead of the simulator's
    lookup_grace: timedelta = timedelta(minutes=2)
    visibility_grace: timedelta = timedelta(minutes=1)
    remembered: list[Handles] = field(default_factory=list)
    places: MemoryPlaces = field(default_factory=MemoryPlaces)
    young: MemoryYoung = field(default_factory=MemoryYoung)
    lists: AccountLists = field(default_factory=NoLists)
    unit_lists: UnitLists = field(default_factory=NoUnitLists)
    tags: TagIndex = field(default_factory=NoTags)
    records: list[CallRecord] = field(default_factory=list)
    limits: dict[Lane, int] = field(
        default_factory=lambda: {
            Lane.ACCOUNT_CREATION: 5,
            Lane.ACCOUNT_ASSIGNMENT: 10,
            Lane.ACCOUNT_CLOSURE: 3,
            Lane.ACCOUNT_LIST: 1,
            Lane.UNIT_LIST: 1,
            Lane.CONTROL_TOWER: 5,
            Lane.STACK_SET_OPERATION: 1,
        }
    )

    def now(self) -> datetime:
        """Tell this test's time."""
        return datetime.now(UTC) + self.ahead

    def tenant(
        self,
        project: str = "shop",
        *,
        desired: dict[str, Any] | None = None,
        platform: dict[str, Any] | None = None,
        landing_zone: dict[str, Any] | None = None,
    ) -> Tenant:
        """Build a tenant of this test's workspace; each part may be changed field by field."""
        return Tenant(
            TenantId(self.workspace, project, PLATFORM.identifier),
            Desired.model_validate({"landing_zone": LANDING_ZONE.name, **(desired or {})}),
            PLATFORM.model_copy(update=platform or {}),
            LANDING_ZONE.model_copy(update=landing_zone or {}),
        )

    def aws(self, tenant: Tenant, handles: Handles | None = None) -> Aws:
        """Build what a step of the tenant is given."""
        observer = Observer(before_write=lambda _: None, after_call=self.records.append, young=self.young)
        return Aws(
            tenant.platform,
            self.sessions,
            Run(
                now=self.now,
                remember=self.remembered.append,
                places=self.places,
                limits=self.limits,
                lookup_grace=self.lookup_grace,
                visibility_grace=self.visibility_grace,
                observer=observer,
                lists=self.lists,
                unit_lists=self.unit_lists,
                tags=self.tags,
                account_created_at=handles.account_created_at if handles else None,
            ),
        )

    def run(self, step: Step, tenant: Tenant, handles: Handles | None = None) -> Outcome:
        """Run a step once."""
        return step(tenant, handles or Handles(), self.aws(tenant, handles))

    def finish(self, step: Step, tenant: Tenant, handles: Handles | None = None, every: float = AFTER_FAST) -> Done:
        """Run a step until it is done, as the due index would, every so many seconds; fails at the deadline."""
        outcome = self.run(step, tenant, handles)
        if isinstance(outcome, Done):
            return outcome

        def look() -> Done | None:
            nonlocal outcome
            outcome = self.run(step, tenant, outcome.handles)
            return outcome if isinstance(outcome, Done) else None

        Event().wait(every)
        try:
            return eventually(look, every=every)
        except AssertionError as error:
            raise AssertionError(f"still waiting: {outcome.note}") from error

    def finish_at_once(self, step: Step, tenant: Tenant, handles: Handles | None = None) -> Done:
        """Run a step until it is done; the pauses that it asks for pass at once, by this test's clock."""

        def hurried(tenant: Tenant, handles: Handles, aws: Aws) -> Outcome:
            outcome = step(tenant, handles, aws)
            if isinstance(outcome, Wait) and outcome.retry_in is not None:
                self.ahead += outcome.retry_in
            return outcome

        return self.finish(hurried, tenant, handles, every=0.025)

    def account(self, tenant: Tenant, **changes: Any) -> Handles:
        """Give the tenant an account, as if the first steps had created it: with two calls, and at once."""
        platform, name, email = tenant.platform, account_name(tenant), account_email(tenant)
        made = self.simulator.operator(
            "create_account",
            name=name,
            email=email,
            joined_method="CREATED",
            roles=[platform.account_access_role.rpartition("/")[2]],
            tags={} if platform.is_direct else first_tags(account_tags(tenant)),
        )
        creation = Creation(1, self.now(), f"car-{made['account']}")
        handles = Handles(account_id=made["account"], email=email, account_name=name, creation=creation)
        handles = replace(handles, sign_in_roles={}, doubt=None)
        return replace(self.finish(wait_for_account, tenant, handles).handles, **changes)

    def created(self, tenant: Tenant, **changes: Any) -> Handles:
        """Give the tenant an account by the first steps."""
        handles = self.finish(create_account, tenant).handles
        return replace(self.finish(wait_for_account, tenant, handles).handles, **changes)

    def counted(self, step: Step, tenant: Tenant, handles: Handles) -> tuple[Outcome, int, int]:
        """Run a step once and count its reads and writes by the simulator's own log, AssumeRole aside."""
        before = self.simulator.mark()
        outcome = self.run(step, tenant, handles)
        calls = [call for call in self.simulator.calls(before) if not call.operation.startswith("AssumeRole")]
        return outcome, sum(not call.write for call in calls), sum(call.write for call in calls)

    def accounts(self) -> list[dict[str, Any]]:
        """List the accounts whose name is of this test's workspace, in every state."""
        accounts = self.simulator.state()["accounts"].values()
        return [account for account in accounts if account["name"].startswith(f"{self.workspace}.")]

    def creations(self) -> list[dict[str, Any]]:
        """List the CreateAccount requests that AWS took for this test's workspace."""
        requests = self.simulator.state()["creations"]["requests"].values()
        return [request for request in requests if request["name"].startswith(f"{self.workspace}.")]
