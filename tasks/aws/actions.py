"""Every AWS operation that the connector calls, with who calls it and what IAM must allow for it. The only such list.

The seam (`calls.py`) refuses a call without a row here; `tasks/permissions/iam_documents.py` makes the published
policies of the rows, in their order. Statements have the names, order and resources that meshStack publishes, so that
a person can compare.
Source: docs.aws.amazon.com/service-authorization/latest/reference (actions and resources of each service)
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum, auto
from types import MappingProxyType


class Principal(StrEnum):
    """Who calls: see the role chain in `session.py`."""

    SERVICE_USER = "service user"  # or the entry role of a workload identity
    DIRECT_USER = "direct service user"  # in the management account itself, in place of the two others there
    MANAGEMENT_ROLE = "management role"
    AUTOMATION_ROLE = "automation role"
    ACCESS_ROLE = "access role"  # one in every member account
    METERING_USER = "metering user"  # or the entry role of a workload identity
    METERING_ROLE = "metering role"  # in the management account
    IMPORT_ROLE = "import role"  # in accounts that are taken over without an access role of ours


class Kind(Enum):
    """Which way a call goes."""

    READ = auto()
    WRITE = auto()
    SIGN_IN = auto()  # botocore calls it for credentials; it never passes the seam
    FORWARDED = auto()  # AWS makes the call itself with our rights, while it answers another call of ours


class Resource(StrEnum):
    """What an operation touches, as the pattern of its ARN; `iam_documents.py` fills in the braces."""

    ANY = "*"  # the action has no resource that could be named ahead
    MANAGEMENT_ROLE = "{management_role}"
    AUTOMATION_ROLE = "{automation_role}"
    METERING_ROLE = "{metering_role}"
    ACCESS_ROLE = "arn:{partition}:iam::*:role/{access_role}"
    ACCOUNT = "arn:{partition}:organizations::*:account/o-*/*"
    UNIT = "arn:{partition}:organizations::*:ou/o-*/ou-*"
    ROOT = "arn:{partition}:organizations::{management_account}:root/o-*/r-*"
    SAML_PROVIDER = "arn:{partition}:iam::*:saml-provider/*"
    INSTANCE = "{instance}"
    PERMISSION_SET = "arn:{partition}:sso:::permissionSet/*/*"
    ASSIGNED_ACCOUNT = "arn:{partition}:sso:::account/*"
    ACCESS_STACK = "arn:{partition}:cloudformation:*:*:stack/{access_stack}/*"
    IMPORT_ROLE = "arn:{partition}:iam::*:role/{import_role}"
    EXECUTION_ROLE = "arn:{partition}:iam::*:role/AWSControlTowerExecution"
    CONTROL_POLICY = "arn:{partition}:organizations::{management_account}:policy/o-*/service_control_policy/p-*"
    MANAGEMENT_IDENTITIES = "arn:{partition}:iam::{management_account}:saml-provider/*"
    MANAGEMENT_ROLES = "arn:{partition}:iam::{management_account}:role/*"


class Feature(StrEnum):
    """What a platform may have configured; a statement for it stands in the policies of such platforms only."""

    SELF_DOWNGRADE = "selfDowngradeAccessRole"
    ACCESS_ROLE_TRUST = "manageAccessRoleTrust"
    SESSION_TAGS = "sessionTags"
    IMPORT_ROLE = "importRole"
    MANAGEMENT_ACCOUNT = "managementAccountTenant"
    IDENTITY_FEDERATION = "identityFederation"
    CONTROL_TOWER = "enrollmentConfiguration"
    ADOPTION = "adoptGroups"
    METERING = "metering"
    RESERVED_INSTANCES = "reservedInstanceFairChargeback"
    SAVINGS_PLANS = "savingsPlanFairChargeback"


@dataclass(frozen=True)
class Statement:
    """One statement of a principal's policy."""

    principal: Principal
    sid: str
    without: str | None = None  # optional: what the connector cannot do without it; None: it needs the statement
    feature: Feature | None = None  # what a platform must have configured to need it; None: every platform does


PREFIXES = {"sso-admin": "sso"}  # botocore's service -> the prefix of its actions, where they differ
RENAMED = {("lambda", "Invoke"): "lambda:InvokeFunction"}  # actions that are not called as their operation is


@dataclass(frozen=True)
class Operation:
    """One operation that we call."""

    statement: Statement | None  # None: no IAM policy decides: everybody may, or who has the SCIM token
    service: str  # botocore's name, or scim
    name: str  # as the API has it: MoveAccount
    kind: Kind
    resources: tuple[Resource, ...] = (Resource.ANY,)

    @property
    def action(self) -> str:
        """The IAM action: organizations:MoveAccount."""
        return RENAMED.get((self.service, self.name), f"{PREFIXES.get(self.service, self.service)}:{self.name}")

    @property
    def method(self) -> str:
        """The name in botocore's snake case: move_account, create_saml_provider."""
        return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", self.name).lower()


TO_MANAGEMENT = Statement(Principal.SERVICE_USER, "AssumeManagementRole")
TO_AUTOMATION = Statement(Principal.SERVICE_USER, "AssumeAutomationRole")
TAGS_IN_MANAGEMENT = Statement(Principal.SERVICE_USER, "TagManagementSession", feature=Feature.SESSION_TAGS)
TAGS_IN_AUTOMATION = Statement(Principal.SERVICE_USER, "TagAutomationSession", feature=Feature.SESSION_TAGS)
TO_MEMBERS = Statement(Principal.MANAGEMENT_ROLE, "StsAccessMemberAccount")
TREE_READ = Statement(Principal.MANAGEMENT_ROLE, "OrgManagementAccessRead")
TREE_WRITE = Statement(Principal.MANAGEMENT_ROLE, "OrgManagementAccessWrite")
ORGANIZATION = Statement(Principal.MANAGEMENT_ROLE, "OrgManagementAccessNoResourceLevelRestrictions")
CLOSURE = Statement(
    Principal.MANAGEMENT_ROLE,
    "OptionalCloseAccounts",
    without="a deletion that should close the account fails at that step; access is already removed by then",
)
ASSIGNMENTS = Statement(Principal.MANAGEMENT_ROLE, "OrgManagementAccessSSO")
UNASSIGNMENTS = Statement(
    Principal.MANAGEMENT_ROLE,
    "OptionalRemovePermissionSets",
    without=(
        "taking one permission set from a group that stays fails and names what is missing; assignments of deleted "
        "groups stay behind, which gives nobody access"
    ),
)
GROUPS = Statement(Principal.MANAGEMENT_ROLE, "OrgManagementIdentityStoreGroupManagement")
ADOPTION = Statement(Principal.MANAGEMENT_ROLE, "OrgManagementGroupAdoption", feature=Feature.ADOPTION)
ADOPTED = Statement(Principal.MANAGEMENT_ROLE, "OrgManagementGroupAdoptionSSO", feature=Feature.ADOPTION)
TO_IMPORTED = Statement(Principal.MANAGEMENT_ROLE, "StsAccessImportedAccount", feature=Feature.IMPORT_ROLE)
MANAGEMENT_ACCESS = Statement(
    Principal.MANAGEMENT_ROLE,
    "OrgManagementAccessAdditionalSSOForRootAccount",
    feature=Feature.MANAGEMENT_ACCOUNT,
)
GUARD_RAILS = Statement(
    Principal.MANAGEMENT_ROLE,
    "OptionalServiceControlPolicies",
    without="landing zones cannot have a serviceControlPolicy",
)
NEW_GUARD_RAILS = Statement(
    Principal.MANAGEMENT_ROLE,
    "OptionalServiceControlPoliciesNoResourceLevelRestrictions",
    without="landing zones can only have a serviceControlPolicy that is attached to their OU already",
)
ACCOUNT_FACTORY = Statement(
    Principal.MANAGEMENT_ROLE, "AWSControlTowerAccountFactoryAccess", feature=Feature.CONTROL_TOWER
)
AUTOMATION = Statement(Principal.AUTOMATION_ROLE, "Automation")
DOCTOR = Statement(
    Principal.AUTOMATION_ROLE,
    "OptionalDoctor",
    without="aws-connector doctor cannot tell whether Lambda functions can run",
)
ALIAS = Statement(Principal.ACCESS_ROLE, "RolesAndAlias")
SAML = Statement(Principal.ACCESS_ROLE, "SamlProviders", feature=Feature.IDENTITY_FEDERATION)
FEDERATED = Statement(Principal.ACCESS_ROLE, "FederatedRoles", feature=Feature.IDENTITY_FEDERATION)
LESS_FEDERATED = Statement(
    Principal.ACCESS_ROLE,
    "OptionalRemoveFederatedRoles",
    without="roles and policies that no role mapping names any more stay; the replication fails and names them",
    feature=Feature.IDENTITY_FEDERATION,
)
STACKS = Statement(Principal.ACCESS_ROLE, "Stacks")
TEMPLATES = Statement(
    Principal.ACCESS_ROLE,
    "OptionalTemplateAddresses",
    without="landing zones cannot name a template by templateUrl, only by templateFile",
)

OWN_ROLE = Statement(Principal.ACCESS_ROLE, "OwnRole", feature=Feature.SELF_DOWNGRADE)
OWN_TRUST = Statement(Principal.ACCESS_ROLE, "OwnTrust", feature=Feature.ACCESS_ROLE_TRUST)
EXECUTION = Statement(
    Principal.ACCESS_ROLE,
    "OptionalControlTowerExecutionRole",
    without="somebody else must create the role AWSControlTowerExecution before an account is enrolled",
    feature=Feature.CONTROL_TOWER,
)
TO_COSTS = Statement(Principal.METERING_USER, "AssumeMeteringRole", feature=Feature.METERING)
COSTS = Statement(Principal.METERING_ROLE, "CostExplorerRead", feature=Feature.METERING)
RESERVED_INSTANCES = Statement(
    Principal.METERING_ROLE, "CostExplorerReadReservedInstances", feature=Feature.RESERVED_INSTANCES
)
SAVINGS_PLANS = Statement(Principal.METERING_ROLE, "CostExplorerReadSavingsPlans", feature=Feature.SAVINGS_PLANS)
IMPORTED = Statement(Principal.IMPORT_ROLE, "AccessRole", feature=Feature.IMPORT_ROLE)

IN_TREE = (Resource.ACCOUNT, Resource.ROOT, Resource.UNIT)
ASSIGNED = (Resource.INSTANCE, Resource.PERMISSION_SET, Resource.ASSIGNED_ACCOUNT)
STACK = (Resource.ACCESS_STACK,)
ROLE = (Resource.ACCESS_ROLE,)
FORWARDED_TO_IAM = (Resource.MANAGEMENT_IDENTITIES, Resource.MANAGEMENT_ROLES)

OPERATIONS: tuple[Operation, ...] = (
    Operation(TO_MANAGEMENT, "sts", "AssumeRole", Kind.SIGN_IN, (Resource.MANAGEMENT_ROLE,)),
    Operation(TO_AUTOMATION, "sts", "AssumeRole", Kind.SIGN_IN, (Resource.AUTOMATION_ROLE,)),
    Operation(TAGS_IN_MANAGEMENT, "sts", "TagSession", Kind.FORWARDED, (Resource.MANAGEMENT_ROLE,)),  # by AssumeRole
    Operation(TAGS_IN_AUTOMATION, "sts", "TagSession", Kind.FORWARDED, (Resource.AUTOMATION_ROLE,)),
    Operation(TO_MEMBERS, "sts", "AssumeRole", Kind.SIGN_IN, (Resource.ACCESS_ROLE,)),
    Operation(TREE_READ, "organizations", "DescribeAccount", Kind.READ, (Resource.ACCOUNT,)),
    Operation(TREE_READ, "organizations", "ListParents", Kind.READ, (Resource.ACCOUNT, Resource.UNIT)),
    Operation(TREE_READ, "organizations", "ListOrganizationalUnitsForParent", Kind.READ, (Resource.ROOT,)),
    Operation(TREE_READ, "organizations", "ListTagsForResource", Kind.READ, (Resource.ACCOUNT,)),
    Operation(
        TREE_WRITE, "organizations", "TagResource", Kind.WRITE, (Resource.ACCOUNT,)
    ),  # CreateAccount needs it too
    Operation(TREE_WRITE, "organizations", "UntagResource", Kind.WRITE, (Resource.ACCOUNT,)),
    Operation(TREE_WRITE, "organizations", "MoveAccount", Kind.WRITE, IN_TREE),
    Operation(TREE_WRITE, "organizations", "CreateOrganizationalUnit", Kind.WRITE, (Resource.ROOT,)),
    Operation(ORGANIZATION, "organizations", "ListRoots", Kind.READ),
    Operation(ORGANIZATION, "organizations", "ListAccounts", Kind.READ),
    Operation(ORGANIZATION, "organizations", "CreateAccount", Kind.WRITE),
    Operation(ORGANIZATION, "organizations", "DescribeCreateAccountStatus", Kind.READ),
    Operation(CLOSURE, "organizations", "CloseAccount", Kind.WRITE, (Resource.ACCOUNT,)),
    Operation(ASSIGNMENTS, "sso-admin", "ListAccountAssignments", Kind.READ, ASSIGNED),
    Operation(ASSIGNMENTS, "sso-admin", "ListPermissionSetsProvisionedToAccount", Kind.READ, ASSIGNED),
    Operation(ASSIGNMENTS, "sso-admin", "CreateAccountAssignment", Kind.WRITE, ASSIGNED),
    Operation(ASSIGNMENTS, "sso-admin", "DescribeAccountAssignmentCreationStatus", Kind.READ, (Resource.INSTANCE,)),
    Operation(GROUPS, "identitystore", "GetGroupId", Kind.READ),
    Operation(GROUPS, "identitystore", "DescribeGroup", Kind.READ),
    Operation(GROUPS, "identitystore", "CreateGroup", Kind.WRITE),
    Operation(GROUPS, "identitystore", "DeleteGroup", Kind.WRITE),
    Operation(GROUPS, "identitystore", "ListGroupMemberships", Kind.READ),
    Operation(GROUPS, "identitystore", "CreateGroupMembership", Kind.WRITE),
    Operation(GROUPS, "identitystore", "DeleteGroupMembership", Kind.WRITE),
    Operation(GROUPS, "identitystore", "GetUserId", Kind.READ),
    Operation(ADOPTION, "identitystore", "UpdateGroup", Kind.WRITE),
    Operation(ADOPTED, "sso-admin", "ListAccountAssignmentsForPrincipal", Kind.READ, (Resource.INSTANCE,)),
    Operation(None, "scim", "ListUsers", Kind.READ),
    Operation(None, "scim", "ListGroups", Kind.READ),
    Operation(None, "scim", "GetGroup", Kind.READ),
    Operation(None, "scim", "CreateGroup", Kind.WRITE),
    Operation(None, "scim", "DeleteGroup", Kind.WRITE),
    Operation(None, "scim", "PatchGroup", Kind.WRITE),
    Operation(UNASSIGNMENTS, "sso-admin", "DeleteAccountAssignment", Kind.WRITE, ASSIGNED),
    Operation(UNASSIGNMENTS, "sso-admin", "DescribeAccountAssignmentDeletionStatus", Kind.READ, (Resource.INSTANCE,)),
    Operation(TO_IMPORTED, "sts", "AssumeRole", Kind.SIGN_IN, (Resource.IMPORT_ROLE,)),
    Operation(MANAGEMENT_ACCESS, "iam", "GetRole", Kind.FORWARDED, FORWARDED_TO_IAM),
    Operation(MANAGEMENT_ACCESS, "iam", "ListAttachedRolePolicies", Kind.FORWARDED, FORWARDED_TO_IAM),
    Operation(MANAGEMENT_ACCESS, "iam", "ListRolePolicies", Kind.FORWARDED, FORWARDED_TO_IAM),
    Operation(MANAGEMENT_ACCESS, "iam", "GetSAMLProvider", Kind.FORWARDED, FORWARDED_TO_IAM),
    Operation(GUARD_RAILS, "organizations", "ListPoliciesForTarget", Kind.READ, (Resource.UNIT, Resource.ROOT)),
    Operation(GUARD_RAILS, "organizations", "DescribePolicy", Kind.READ, (Resource.CONTROL_POLICY,)),
    Operation(GUARD_RAILS, "organizations", "UpdatePolicy", Kind.WRITE, (Resource.CONTROL_POLICY,)),
    Operation(
        GUARD_RAILS,
        "organizations",
        "AttachPolicy",
        Kind.WRITE,
        (Resource.CONTROL_POLICY, Resource.UNIT, Resource.ROOT),
    ),
    Operation(NEW_GUARD_RAILS, "organizations", "ListPolicies", Kind.READ),
    Operation(NEW_GUARD_RAILS, "organizations", "CreatePolicy", Kind.WRITE),
    Operation(ACCOUNT_FACTORY, "controltower", "CreateManagedAccount", Kind.FORWARDED),  # by Provision- and UpdateP…
    Operation(ACCOUNT_FACTORY, "controltower", "DescribeManagedAccount", Kind.FORWARDED),
    Operation(ACCOUNT_FACTORY, "controltower", "DeregisterManagedAccount", Kind.FORWARDED),  # by TerminateP…
    Operation(ACCOUNT_FACTORY, "controltower", "ListLandingZones", Kind.READ),
    Operation(ACCOUNT_FACTORY, "controltower", "GetLandingZone", Kind.READ),
    Operation(ACCOUNT_FACTORY, "organizations", "DescribeOrganization", Kind.FORWARDED),
    Operation(ACCOUNT_FACTORY, "organizations", "DescribeOrganizationalUnit", Kind.READ),
    Operation(ACCOUNT_FACTORY, "servicecatalog", "DescribeProduct", Kind.READ),
    Operation(ACCOUNT_FACTORY, "servicecatalog", "DescribeProvisionedProduct", Kind.READ),
    Operation(ACCOUNT_FACTORY, "servicecatalog", "SearchProvisionedProducts", Kind.READ),
    Operation(ACCOUNT_FACTORY, "servicecatalog", "DescribeRecord", Kind.READ),
    Operation(ACCOUNT_FACTORY, "servicecatalog", "ProvisionProduct", Kind.WRITE),
    Operation(ACCOUNT_FACTORY, "servicecatalog", "UpdateProvisionedProduct", Kind.WRITE),
    Operation(ACCOUNT_FACTORY, "servicecatalog", "TerminateProvisionedProduct", Kind.WRITE),
    Operation(AUTOMATION, "cloudformation", "UpdateStackInstances", Kind.WRITE),
    Operation(AUTOMATION, "cloudformation", "DescribeStackSet", Kind.READ),
    Operation(AUTOMATION, "cloudformation", "ListStackInstances", Kind.READ),
    Operation(AUTOMATION, "cloudformation", "CreateStackInstances", Kind.WRITE),
    Operation(AUTOMATION, "lambda", "Invoke", Kind.WRITE),  # a second run writes nothing but this: it is asked for
    Operation(DOCTOR, "lambda", "GetFunctionConfiguration", Kind.READ),
    Operation(None, "sts", "GetCallerIdentity", Kind.READ),
    Operation(SAML, "iam", "GetSAMLProvider", Kind.READ, (Resource.SAML_PROVIDER,)),
    Operation(SAML, "iam", "CreateSAMLProvider", Kind.WRITE, (Resource.SAML_PROVIDER,)),
    Operation(SAML, "iam", "TagSAMLProvider", Kind.FORWARDED, (Resource.SAML_PROVIDER,)),  # by CreateSAMLProvider
    Operation(SAML, "iam", "UpdateSAMLProvider", Kind.WRITE, (Resource.SAML_PROVIDER,)),
    Operation(ALIAS, "iam", "CreateAccountAlias", Kind.WRITE),
    Operation(ALIAS, "iam", "ListAccountAliases", Kind.READ),
    Operation(ALIAS, "iam", "ListRoles", Kind.READ),
    Operation(FEDERATED, "iam", "GetRole", Kind.READ),
    Operation(FEDERATED, "iam", "CreateRole", Kind.WRITE),
    Operation(FEDERATED, "iam", "TagRole", Kind.FORWARDED),  # by CreateRole
    Operation(FEDERATED, "iam", "UpdateAssumeRolePolicy", Kind.WRITE),
    Operation(FEDERATED, "iam", "ListAttachedRolePolicies", Kind.READ),
    Operation(FEDERATED, "iam", "GetPolicy", Kind.READ),
    Operation(FEDERATED, "iam", "AttachRolePolicy", Kind.WRITE),
    Operation(LESS_FEDERATED, "iam", "DetachRolePolicy", Kind.WRITE),
    Operation(LESS_FEDERATED, "iam", "ListRolePolicies", Kind.READ),
    Operation(LESS_FEDERATED, "iam", "DeleteRolePolicy", Kind.WRITE),
    Operation(LESS_FEDERATED, "iam", "DeleteRole", Kind.WRITE),
    Operation(EXECUTION, "iam", "GetRole", Kind.READ, (Resource.EXECUTION_ROLE,)),
    Operation(EXECUTION, "iam", "CreateRole", Kind.WRITE, (Resource.EXECUTION_ROLE,)),
    Operation(EXECUTION, "iam", "ListAttachedRolePolicies", Kind.READ, (Resource.EXECUTION_ROLE,)),
    Operation(EXECUTION, "iam", "AttachRolePolicy", Kind.WRITE, (Resource.EXECUTION_ROLE,)),
    Operation(STACKS, "cloudformation", "DescribeStacks", Kind.READ, STACK),
    Operation(STACKS, "cloudformation", "DescribeStackEvents", Kind.READ, STACK),
    Operation(STACKS, "cloudformation", "CreateStack", Kind.WRITE, STACK),
    Operation(STACKS, "cloudformation", "UpdateStack", Kind.WRITE, STACK),
    Operation(STACKS, "cloudformation", "DeleteStack", Kind.WRITE, STACK),
    Operation(TEMPLATES, "cloudformation", "GetTemplateSummary", Kind.READ),
    Operation(OWN_ROLE, "iam", "GetRolePolicy", Kind.READ, ROLE),
    Operation(OWN_ROLE, "iam", "PutRolePolicy", Kind.WRITE, ROLE),
    Operation(OWN_ROLE, "iam", "ListAttachedRolePolicies", Kind.READ, ROLE),
    Operation(OWN_ROLE, "iam", "DetachRolePolicy", Kind.WRITE, ROLE),
    Operation(OWN_TRUST, "iam", "GetRole", Kind.READ, ROLE),
    Operation(OWN_TRUST, "iam", "UpdateAssumeRolePolicy", Kind.WRITE, ROLE),
    Operation(TO_COSTS, "sts", "AssumeRole", Kind.SIGN_IN, (Resource.METERING_ROLE,)),
    Operation(COSTS, "ce", "GetCostAndUsage", Kind.READ),
    Operation(RESERVED_INSTANCES, "ce", "GetReservationUtilization", Kind.READ),
    Operation(SAVINGS_PLANS, "ce", "GetSavingsPlansUtilizationDetails", Kind.READ),
    Operation(IMPORTED, "iam", "GetRole", Kind.READ, ROLE),
    Operation(IMPORTED, "iam", "CreateRole", Kind.WRITE, ROLE),
    Operation(IMPORTED, "iam", "AttachRolePolicy", Kind.WRITE, ROLE),
    Operation(IMPORTED, "iam", "UpdateAssumeRolePolicy", Kind.WRITE, ROLE),
)

DECLARED: Mapping[tuple[str, str], Kind] = MappingProxyType(
    {(each.service, each.method): each.kind for each in OPERATIONS if each.kind in (Kind.READ, Kind.WRITE)}
)


class UndeclaredCall(Exception):
    """A defect of ours: a call that the table does not have, or has the other way. No policy would allow it."""


def check_declared(service: str, method: str, kind: Kind) -> None:
    """Refuse a call that has no row in the table, or one of another kind; raises UndeclaredCall.

    >>> check_declared("organizations", "move_account", Kind.WRITE)
    >>> check_declared("organizations", "close_everything", Kind.WRITE)
    Traceback (most recent call last):
    tasks.aws.actions.UndeclaredCall: organizations:close_everything is called as WRITE but declared not at all: \
correct tasks/aws/actions.py, which the published policies are made of
    """
    declared = DECLARED.get((service, method))
    if declared is not kind:
        how = f"as {declared.name}" if declared else "not at all"
        raise UndeclaredCall(
            f"{service}:{method} is called as {kind.name} but declared {how}: "
            "correct tasks/aws/actions.py, which the published policies are made of"
        )


IRREVERSIBLE = frozenset(
    {
        ("organizations", "close_account"),
        ("identitystore", "delete_group"),
        ("scim", "delete_group"),
        ("servicecatalog", "terminate_provisioned_product"),
    }
)
"""Writes that nobody can take back, by service and method: before one of them the newest word is asked for."""
