"""What each account gets: users, roles and policies, made from the same table of calls as `aws-connector policies`.

    meshcloud account    who the workers are: a role, or users with access keys
    management account   management role, metering role, the policy that protects the connector in the tenants' accounts
    automation account   automation role, and the role by which CloudFormation administers StackSets

External ids are secret. They stand in no file: a template has a parameter for each, marked as secret.

Names are no proof: somebody else may have a stack or a user that is called the same. So each stack's description and
each user's tag name the platform.
Source: docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-prereqs-self-managed.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from config.platform import Platform
from config.policy_document import PolicyDocument
from tasks.accounts.guard_rail import own_guard_rail
from tasks.aws.actions import Feature, Principal
from tasks.bootstrap.sign_in import SignIn, Way
from tasks.permissions.iam_documents import PrincipalDocuments, Surroundings, documents, features_of

CONNECTOR_ROLE = "MeshstackConnectorRole"
SERVICE_USER = "meshfed-service-user"
METERING_USER = "meshcloud-cost-explorer-user"
MANAGEMENT_ROLE = "MeshfedServiceRole"
AUTOMATION_ROLE = "MeshfedAutomationRole"
METERING_ROLE = "MeshCostExplorerServiceRole"
STACK_SET_ADMINISTRATION = "AWSCloudFormationStackSetAdministrationRole"  # the name that CloudFormation looks for
STACK_SET_EXECUTION = "AWSCloudFormationStackSetExecutionRole"  # in every account that gets instances
GUARD_RAIL = "meshstack-connector"
PLATFORM_TAG = "meshstack:platform"  # of users: whose they are


@dataclass(frozen=True)
class ExternalId:
    """A secret that stands in a policy: its place is filled by a parameter of the template."""

    name: str  # the parameter's: ManagementExternalId
    what: str  # for a person


MANAGEMENT_ID = ExternalId("ManagementExternalId", "External id of the management role and of the access roles")
AUTOMATION_ID = ExternalId("AutomationExternalId", "External id of the automation role")
METERING_ID = ExternalId("MeteringExternalId", "External id of the metering role")
MARKS = {f"<{each.name}>": each for each in (MANAGEMENT_ID, AUTOMATION_ID, METERING_ID)}
"""What stands in a policy in place of each until it is written out."""


@dataclass(frozen=True)
class Wanted:
    """What is to be prepared."""

    platform: str  # as tenants name it: aws.main
    management_account: str  # 12 digits, as all accounts
    meshcloud_account: str
    sign_in: SignIn
    automation_account: str | None = None  # None: no StackSets and no Lambda functions
    partition: str = "aws"
    access_role: str = "OrganizationAccountAccessRole"
    instance: str | None = None  # ARN of Identity Center's instance; None: people get no access through it
    metering: bool = True
    features: frozenset[Feature] = frozenset()  # what else the platform document has configured
    import_role: str | None = None  # its name in accounts that are taken over
    scim: bool = False  # groups are written by SCIM, which needs no policy


@dataclass(frozen=True)
class User:
    """An IAM user; its access keys are made by hand, for they are secret."""

    name: str
    policies: Mapping[str, PolicyDocument]


@dataclass(frozen=True)
class Role:
    """An IAM role with inline policies, by name."""

    name: str
    description: str
    trust: PolicyDocument
    policies: Mapping[str, PolicyDocument]
    profile: bool = False  # machines run as it: it needs an instance profile


@dataclass(frozen=True)
class ControlPolicy:
    """A service control policy; it binds nobody until somebody attaches it to an OU."""

    name: str
    description: str
    content: PolicyDocument


@dataclass(frozen=True)
class Account:
    """What one account gets."""

    key: str  # meshcloud, management or automation
    id: str
    platform: str  # for which it is prepared: aws.main
    users: tuple[User, ...] = ()
    roles: tuple[Role, ...] = ()
    control_policies: tuple[ControlPolicy, ...] = ()
    external_ids: tuple[ExternalId, ...] = field(init=False)  # that its policies name

    def __post_init__(self) -> None:
        """Find the external ids."""
        texts = set(_texts([vars(each) for each in (*self.users, *self.roles)]))
        object.__setattr__(self, "external_ids", tuple(each for mark, each in MARKS.items() if mark in texts))

    @property
    def mark(self) -> str:
        """Return the description of its stack, which proves whose that is."""
        return f"What the meshStack AWS Connector needs in the {self.key} account for the platform {self.platform}"


def surroundings(wanted: Wanted) -> Surroundings:
    """Return what the policies are filled in with."""
    role = f"arn:{wanted.partition}:iam::{{}}:role/{{}}".format
    meshcloud, management = wanted.meshcloud_account, wanted.management_account
    user = f"arn:{wanted.partition}:iam::{meshcloud}:user/{{}}".format
    entry = role(meshcloud, CONNECTOR_ROLE)
    is_user, automation = wanted.sign_in.is_user, wanted.automation_account
    metering = frozenset({Feature.METERING, Feature.RESERVED_INSTANCES, Feature.SAVINGS_PLANS})
    return Surroundings(
        partition=wanted.partition,
        entry=user(SERVICE_USER) if is_user else entry,
        management_role=role(management, MANAGEMENT_ROLE),
        automation_role=None if automation is None else role(automation, AUTOMATION_ROLE),
        access_role=wanted.access_role,
        external_id=f"<{MANAGEMENT_ID.name}>",
        automation_external_id=f"<{AUTOMATION_ID.name}>",
        instance=wanted.instance,
        scim=wanted.scim,
        import_role=wanted.import_role,
        features=wanted.features | (metering if wanted.metering else frozenset()),
        metering_entry=(user(METERING_USER) if is_user else entry) if wanted.metering else None,
        metering_role=role(management, METERING_ROLE) if wanted.metering else None,
        metering_external_id=f"<{METERING_ID.name}>",
    )


def fitted(wanted: Wanted, platform: Platform) -> Wanted:
    """Return the same for a platform document with which somebody has gone on: it says what the connector will do."""
    center = platform.identity_center
    return replace(
        wanted,
        access_role=platform.account_access_role,
        instance=center.instance_arn if center else None,
        scim=platform.scim is not None,
        import_role=platform.import_role,
        features=features_of(platform),
    )


def blueprint(wanted: Wanted) -> tuple[Account, ...]:
    """Return what each account gets, in the order in which they are deployed: a trust policy names what exists."""
    found = {each.principal: each for each in documents(surroundings(wanted))}
    accounts = [_meshcloud(wanted, found), _management(wanted, found)]
    if wanted.automation_account is not None:
        accounts.append(_automation(wanted, wanted.automation_account, found))
    return tuple(accounts)


Documents = Mapping[Principal, PrincipalDocuments]


def _meshcloud(wanted: Wanted, found: Documents) -> Account:
    entries = {SERVICE_USER: found[Principal.SERVICE_USER].policy}
    if wanted.metering:
        entries[METERING_USER] = found[Principal.METERING_USER].policy
    if wanted.sign_in.is_user:
        users = tuple(User(name, {name: policy}) for name, policy in entries.items())
        return Account("meshcloud", wanted.meshcloud_account, wanted.platform, users=users)
    role = Role(
        CONNECTOR_ROLE,
        "The workers of the meshStack AWS Connector run as this role",
        wanted.sign_in.trust(wanted.partition, wanted.meshcloud_account),
        entries,
        profile=wanted.sign_in.way is Way.EC2,
    )
    return Account("meshcloud", wanted.meshcloud_account, wanted.platform, roles=(role,))


def _management(wanted: Wanted, found: Documents) -> Account:
    roles = [_role(MANAGEMENT_ROLE, "Creates accounts and gives people access", found[Principal.MANAGEMENT_ROLE])]
    if wanted.metering:
        roles.append(_role(METERING_ROLE, "Reads what the organization costs", found[Principal.METERING_ROLE]))
    protection = ControlPolicy(
        GUARD_RAIL,
        "Keeps an account's own administrators from changing the roles and stacks of the connector",
        own_guard_rail(wanted.partition, [role for role in (wanted.access_role, wanted.import_role) if role]),
    )
    owner = (wanted.management_account, wanted.platform)
    return Account("management", *owner, roles=tuple(roles), control_policies=(protection,))


def _automation(wanted: Wanted, account: str, found: Documents) -> Account:
    execution = f"arn:{wanted.partition}:iam::*:role/{STACK_SET_EXECUTION}"
    administration = Role(
        STACK_SET_ADMINISTRATION,
        "CloudFormation administers the StackSets of this account by it",
        _allow("sts:AssumeRole", Principal={"Service": "cloudformation.amazonaws.com"}),
        {"AssumeExecutionRole": _allow("sts:AssumeRole", Resource=execution)},
    )
    ours = _role(AUTOMATION_ROLE, "Adds accounts to StackSets and runs functions", found[Principal.AUTOMATION_ROLE])
    return Account("automation", account, wanted.platform, roles=(ours, administration))


def _role(name: str, description: str, found: PrincipalDocuments) -> Role:
    assert found.trust is not None
    return Role(name, description, found.trust, {name: found.policy})


def execution_trust(wanted: Wanted, account: str) -> PolicyDocument:
    """Return the trust policy of the role that StackSets of the automation account use in a tenant's account."""
    administration = f"arn:{wanted.partition}:iam::{account}:role/{STACK_SET_ADMINISTRATION}"
    return _allow("sts:AssumeRole", Principal={"AWS": administration})


def _allow(action: str, **more: Any) -> PolicyDocument:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, **more}]}


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each)
