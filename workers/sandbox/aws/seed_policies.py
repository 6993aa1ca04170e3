"""The IAM policies that the connector publishes, filled in for the sandbox's organization.

With `enforce_policies` the simulator holds every call against them: a call they do not allow fails here first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from workers.sandbox import organization as sandbox
from workers.sandbox.aws.options import SimulatorOptions

Policy = Mapping[str, Any]
ACCOUNTS = "arn:aws:organizations::*:account/o-*/*"
UNITS = "arn:aws:organizations::*:ou/o-*/ou-*"
ROOTS = f"arn:aws:organizations::{sandbox.MANAGEMENT_ACCOUNT_ID}:root/o-*/r-*"


def of_users(options: SimulatorOptions) -> Mapping[str, Policy]:
    """Give each seeded user's policy by the user's name."""
    return {
        sandbox.SERVICE_USER: _policy(
            _assume(sandbox.MANAGEMENT_ROLE_ARN, options.external_id),
            _assume(sandbox.AUTOMATION_ROLE_ARN, options.automation_external_id),
        ),
        sandbox.METERING_USER: _policy(_assume(sandbox.METERING_ROLE_ARN, options.external_id)),
        sandbox.DIRECT_USER: _policy(
            _assume(f"arn:aws:iam::*:role/{sandbox.DEFAULT_ACCESS_ROLE}", options.external_id),
            _allow(
                "organizations",
                (
                    "DescribeOrganizationalUnit",
                    "DescribeAccount",
                    "ListParents",
                    "ListOrganizationalUnitsForParent",
                    "CreateOrganizationalUnit",
                    "MoveAccount",
                ),
                (ACCOUNTS, ROOTS, UNITS),
            ),
            _unrestricted(),
        ),
        sandbox.ADMINISTRATOR: {"Version": "2012-10-17", "Statement": [_allow("*", "*", "*")]},
    }


def management_role(options: SimulatorOptions) -> Policy:
    """Give the policy of MeshfedServiceRole in the management account, with the optional right to close accounts."""
    return _policy(
        _assume(f"arn:aws:iam::*:role/{sandbox.ACCESS_ROLE}", options.external_id),
        _allow(
            "organizations",
            (
                "DescribeOrganizationalUnit",
                "DescribeAccount",
                "ListParents",
                "ListOrganizationalUnitsForParent",
                "ListTagsForResource",
            ),
            (ACCOUNTS, UNITS, ROOTS),
        ),
        _allow(
            "organizations",
            ("TagResource", "UntagResource", "MoveAccount", "CreateOrganizationalUnit"),
            (ACCOUNTS, ROOTS, UNITS),
        ),
        _unrestricted(),
        _allow(
            "sso",
            ("ListAccountAssignments", "CreateAccountAssignment", "DescribeAccountAssignmentCreationStatus"),
            (sandbox.INSTANCE_ARN, "arn:aws:sso:::permissionSet/*/*", "arn:aws:sso:::account/*"),
        ),
        _allow(
            "identitystore",
            (
                "GetGroupId",
                "CreateGroup",
                "DeleteGroup",
                "ListGroupMemberships",
                "CreateGroupMembership",
                "DeleteGroupMembership",
                "GetUserId",
            ),
            "*",
        ),
        _closing(),
    )


def automation_role() -> Policy:
    """Give the policy of MeshfedAutomationRole in the automation account."""
    actions = ("UpdateStackInstances", "DescribeStackSet", "ListStackInstances", "CreateStackInstances")
    return _policy(_allow("cloudformation", actions, "*"), _allow("lambda", ("InvokeFunction",), "*"))


def metering_role() -> Policy:
    """Give the policy of MeshCostExplorerServiceRole in the management account."""
    actions = (
        "GetReservationUtilization",
        "GetDimensionValues",
        "GetCostAndUsage",
        "GetSavingsPlansUtilization",
        "GetReservationCoverage",
        "GetSavingsPlansCoverage",
        "GetSavingsPlansUtilizationDetails",
    )
    return _policy(_allow("ce", actions, "*"), _allow("organizations", ("ListAccounts",), "*"))


def _unrestricted() -> Policy:
    return _allow("organizations", ("ListRoots", "ListAccounts", "CreateAccount", "DescribeCreateAccountStatus"), "*")


def _closing() -> Policy:
    paths = [f"{sandbox.ORGANIZATION_ID}/{sandbox.ROOT_ID}/{unit}/*" for unit in sandbox.ORGANIZATIONAL_UNITS]
    condition = {"ForAnyValue:StringLike": {"aws:ResourceOrgPaths": paths}}
    return {**_allow("organizations", ("CloseAccount",), (ACCOUNTS,)), "Condition": condition}


def _policy(*statements: Policy) -> Policy:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def _allow(service: str, actions: str | Sequence[str], resources: str | Sequence[str]) -> Policy:
    named = "*" if service == "*" else [f"{service}:{action}" for action in actions]
    listed = resources if isinstance(resources, str) else list(resources)
    return {"Effect": "Allow", "Action": named, "Resource": listed}


def _assume(role_arn: str, external_id: str) -> Policy:
    condition = {"StringEquals": {"sts:ExternalId": external_id}}
    return {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": role_arn, "Condition": condition}
