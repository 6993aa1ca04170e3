"""The service control policy that keeps an account's own administrators from locking the connector out.

Nobody in the account but the connector's access role and StackSets' execution roles may change these roles or the
stacks that the connector has made. Service-linked roles and the management account are never bound by such a policy.
Source: docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from config.platform import Platform
from tasks.stacks.templates import STACK_NAME

# The management account's StackSets, self-managed and service-managed. Source: CloudFormation, StackSet prerequisites
STACK_SET_ROLES = ("AWSCloudFormationStackSetExecutionRole", "stacksets-exec-*")
ROLE_CHANGES = (
    "iam:AttachRolePolicy",
    "iam:DeleteRole",
    "iam:DeleteRolePermissionsBoundary",
    "iam:DeleteRolePolicy",
    "iam:DetachRolePolicy",
    "iam:PutRolePermissionsBoundary",
    "iam:PutRolePolicy",
    "iam:TagRole",
    "iam:UntagRole",
    "iam:UpdateAssumeRolePolicy",
    "iam:UpdateRole",
    "iam:UpdateRoleDescription",
)
STACK_CHANGES = (
    "cloudformation:CancelUpdateStack",
    "cloudformation:ContinueUpdateRollback",
    "cloudformation:CreateChangeSet",
    "cloudformation:CreateStack",
    "cloudformation:DeleteStack",
    "cloudformation:ExecuteChangeSet",
    "cloudformation:RollbackStack",
    "cloudformation:SetStackPolicy",
    "cloudformation:UpdateStack",
    "cloudformation:UpdateTerminationProtection",
)
PARTS = ("PARTITION", "MANAGEMENT_ACCOUNT_ID", "ACCOUNT_ACCESS_ROLE")  # what a template may name as ${…}


def guard_rail(platform: Platform, template: Mapping[str, Any] | None) -> str:
    """Return the policy's text: of the template with its parts filled in, or the connector's own; without spaces."""
    ours = [role for role in (platform.account_access_role, platform.import_role) if role is not None]
    document = own_guard_rail(platform.partition, ours) if template is None else template
    text = json.dumps(document, separators=(",", ":"))
    values = (platform.partition, platform.management_account_id, platform.account_access_role)
    for part, value in zip(PARTS, values, strict=True):
        text = text.replace(f"${{{part}}}", value)
    return text


def own_guard_rail(partition: str, ours: Sequence[str]) -> dict[str, Any]:
    """Return the policy that protects the connector's roles (their names, with paths) and stacks."""
    roles = [f"arn:{partition}:iam::*:role/{name}" for name in (*ours, *STACK_SET_ROLES)]
    stacks = [f"arn:{partition}:cloudformation:*:*:stack/{name}/*" for name in (STACK_NAME, "StackSet-*")]
    return {
        "Version": "2012-10-17",
        "Statement": [
            _deny("ProtectRoles", ROLE_CHANGES, roles, roles),
            _deny("ProtectStacks", STACK_CHANGES, stacks, roles),
        ],
    }


def _deny(sid: str, actions: tuple[str, ...], resources: list[str], but: list[str]) -> dict[str, Any]:
    return {
        "Sid": sid,
        "Effect": "Deny",
        "Action": list(actions),
        "Resource": resources,
        "Condition": {"ArnNotLike": {"aws:PrincipalArn": but}},
    }
