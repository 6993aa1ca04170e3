"""Every AWS operation that the connector calls, with who calls it and what IAM must allow for it. The only such list.

The seam (`calls.py`) refuses a call without a row here; `tasks/policies.py` makes the published policies of the rows,
in their order. Statements have the names, order and resources that meshStack publishes, so that a person can compare.
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
    MANAGEMENT_ROLE = "management role"
    AUTOMATION_ROLE = "automation role"
    ACCESS_ROLE = "access role"  # one in every member account


class Kind(Enum):
    """Which way a call goes."""

    READ = auto()
    WRITE = auto()
    SIGN_IN = auto()  # botocore calls it for credentials; it never passes the seam


class Resource(StrEnum):
    """What an operation touches, as the pattern of its ARN; `tasks/policies.py` fills in the braces."""

    ANY = "*"  # the action has no resource that could be named ahead
    MANAGEMENT_ROLE = "{management_role}"
    AUTOMATION_ROLE = "{automation_role}"
    ACCESS_ROLE = "arn:{partition}:iam::*:role/{access_role}"
    ACCOUNT = "arn:{partition}:organizations::*:account/o-*/*"
    UNIT = "arn:{partition}:organizations::*:ou/o-*/ou-*"
    ROOT = "arn:{partition}:organizations::{management_account}:root/o-*/r-*"
    INSTANCE = "{instance}"
    PERMISSION_SET = "arn:{partition}:sso:::permissionSet/*/*"
    ASSIGNED_ACCOUNT = "arn:{partition}:sso:::account/*"
    ACCESS_STACK = "arn:{partition}:cloudformation:*:*:stack/{access_stack}/*"


@dataclass(frozen=True)
class Statement:
    """One statement of a principal's policy."""

    principal: Principal
    sid: str
    without: str | None = None  # optional: what the connector cannot do without it; None: it needs the statement


@dataclass(frozen=True)
class Operation:
    """One operation that we call."""

    statement: Statement | None  # None: AWS allows it to everybody
    service: str  # botocore's name
    name: str  # as the API has it: MoveAccount
    kind: Kind
    resources: tuple[Resource, ...] = (Resource.ANY,)

    @property
    def action(self) -> str:
        """The IAM action: organizations:MoveAccount."""
        return f"{'sso' if self.service == 'sso-admin' else self.service}:{self.name}"

    @property
    def method(self) -> str:
        """The name in botocore's snake case: move_account."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", self.name).lower()


TO_MANAGEMENT = Statement(Principal.SERVICE_USER, "AssumeManagementRole")
TO_AUTOMATION = Statement(Principal.SERVICE_USER, "AssumeAutomationRole")
TO_MEMBERS = Statement(Principal.MANAGEMENT_ROLE, "StsAccessMemberAccount")
TREE_READ = Statement(Principal.MANAGEMENT_ROLE, "OrgManagementAccessRead")
TREE_WRITE = Statement(Principal.MANAGEMENT_ROLE, "OrgManagementAccessWrite")
ORGANIZATION = Statement(Principal.MANAGEMENT_ROLE, "OrgManagementAccessNoResourceLevelRestrictions")
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
AUTOMATION = Statement(Principal.AUTOMATION_ROLE, "Automation")
ALIAS = Statement(Principal.ACCESS_ROLE, "RolesAndAlias")
STACKS = Statement(Principal.ACCESS_ROLE, "Stacks")
TEMPLATES = Statement(
    Principal.ACCESS_ROLE,
    "OptionalTemplateAddresses",
    without="landing zones cannot name a template by templateUrl, only by templateFile",
)

IN_TREE = (Resource.ACCOUNT, Resource.ROOT, Resource.UNIT)
ASSIGNED = (Resource.INSTANCE, Resource.PERMISSION_SET, Resource.ASSIGNED_ACCOUNT)
STACK = (Resource.ACCESS_STACK,)

OPERATIONS: tuple[Operation, ...] = (
    Operation(TO_MANAGEMENT, "sts", "AssumeRole", Kind.SIGN_IN, (Resource.MANAGEMENT_ROLE,)),
    Operation(TO_AUTOMATION, "sts", "AssumeRole", Kind.SIGN_IN, (Resource.AUTOMATION_ROLE,)),
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
    Operation(ASSIGNMENTS, "sso-admin", "ListAccountAssignments", Kind.READ, ASSIGNED),
    Operation(ASSIGNMENTS, "sso-admin", "CreateAccountAssignment", Kind.WRITE, ASSIGNED),
    Operation(ASSIGNMENTS, "sso-admin", "DescribeAccountAssignmentCreationStatus", Kind.READ, (Resource.INSTANCE,)),
    Operation(GROUPS, "identitystore", "GetGroupId", Kind.READ),
    Operation(GROUPS, "identitystore", "CreateGroup", Kind.WRITE),
    Operation(GROUPS, "identitystore", "DeleteGroup", Kind.WRITE),
    Operation(GROUPS, "identitystore", "ListGroupMemberships", Kind.READ),
    Operation(GROUPS, "identitystore", "CreateGroupMembership", Kind.WRITE),
    Operation(GROUPS, "identitystore", "DeleteGroupMembership", Kind.WRITE),
    Operation(GROUPS, "identitystore", "GetUserId", Kind.READ),
    Operation(UNASSIGNMENTS, "sso-admin", "DeleteAccountAssignment", Kind.WRITE, ASSIGNED),
    Operation(UNASSIGNMENTS, "sso-admin", "DescribeAccountAssignmentDeletionStatus", Kind.READ, (Resource.INSTANCE,)),
    Operation(AUTOMATION, "cloudformation", "UpdateStackInstances", Kind.WRITE),
    Operation(AUTOMATION, "cloudformation", "DescribeStackSet", Kind.READ),
    Operation(AUTOMATION, "cloudformation", "ListStackInstances", Kind.READ),
    Operation(AUTOMATION, "cloudformation", "CreateStackInstances", Kind.WRITE),
    Operation(None, "sts", "GetCallerIdentity", Kind.READ),
    Operation(ALIAS, "iam", "CreateAccountAlias", Kind.WRITE),
    Operation(ALIAS, "iam", "ListAccountAliases", Kind.READ),
    Operation(STACKS, "cloudformation", "DescribeStacks", Kind.READ, STACK),
    Operation(STACKS, "cloudformation", "DescribeStackEvents", Kind.READ, STACK),
    Operation(STACKS, "cloudformation", "CreateStack", Kind.WRITE, STACK),
    Operation(STACKS, "cloudformation", "UpdateStack", Kind.WRITE, STACK),
    Operation(STACKS, "cloudformation", "DeleteStack", Kind.WRITE, STACK),
    Operation(TEMPLATES, "cloudformation", "GetTemplateSummary", Kind.READ),
)

DECLARED: Mapping[tuple[str, str], Kind] = MappingProxyType(
    {(each.service, each.method): each.kind for each in OPERATIONS if each.kind is not Kind.SIGN_IN}
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
