"""The IAM documents of the sandbox's organization: those that the connector publishes, and what else lives there.

With `enforce_policies` the simulator holds every call against them: a call they do not allow fails here first. The
policy of the direct user of the older setup is as meshStack published it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tasks.aws.actions import Feature, Principal
from tasks.permissions.iam_documents import PrincipalDocuments, Surroundings, documents, entry_trust, trust
from workers.sandbox import organization as sandbox
from workers.sandbox.aws.options import SimulatorOptions

Policy = Mapping[str, Any]
CLOSING = "CloseAccounts"
ACCOUNTS = "arn:aws:organizations::*:account/o-*/*"
UNITS = "arn:aws:organizations::*:ou/o-*/ou-*"
ROOTS = f"arn:aws:organizations::{sandbox.MANAGEMENT_ACCOUNT_ID}:root/o-*/r-*"


def published(options: SimulatorOptions) -> Mapping[Principal, PrincipalDocuments]:
    """Give what the connector publishes, filled in for the sandbox."""
    surroundings = Surroundings(
        partition="aws",
        entry=sandbox.SERVICE_USER_ARN,
        management_role=sandbox.MANAGEMENT_ROLE_ARN,
        automation_role=sandbox.AUTOMATION_ROLE_ARN,
        access_role=sandbox.ACCESS_ROLE,
        external_id=options.external_id,
        automation_external_id=options.automation_external_id,
        instance=sandbox.INSTANCE_ARN,
        features=frozenset({Feature.METERING, Feature.RESERVED_INSTANCES, Feature.SAVINGS_PLANS}),
        metering_entry=f"arn:aws:iam::{sandbox.MESHCLOUD_ACCOUNT_ID}:user/{sandbox.METERING_USER}",
        metering_role=sandbox.METERING_ROLE_ARN,
        metering_external_id=options.external_id,
    )
    return {each.principal: each for each in documents(surroundings, optional=options.optional_statements)}


def of_users(options: SimulatorOptions) -> Mapping[str, Policy]:
    """Give each seeded user's policy by the user's name."""
    return {
        sandbox.SERVICE_USER: published(options)[Principal.SERVICE_USER].policy,
        sandbox.METERING_USER: published(options)[Principal.METERING_USER].policy,
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
            _allow("organizations", ("ListRoots", "ListAccounts", "CreateAccount", "DescribeCreateAccountStatus"), "*"),
        ),
        sandbox.ADMINISTRATOR: {"Version": "2012-10-17", "Statement": [_allow("*", "*", "*")]},
    }


def management_role(options: SimulatorOptions) -> Mapping[str, Policy]:
    """Give the inline policies of MeshfedServiceRole by name, with the right to close accounts as one of its own."""
    return {sandbox.MANAGEMENT_ROLE: published(options)[Principal.MANAGEMENT_ROLE].policy, CLOSING: _policy(_closing())}


def automation_role(options: SimulatorOptions) -> Mapping[str, Policy]:
    """Give the inline policy of MeshfedAutomationRole in the automation account by name."""
    return {sandbox.AUTOMATION_ROLE: published(options)[Principal.AUTOMATION_ROLE].policy}


def metering_role(options: SimulatorOptions) -> Mapping[str, Policy]:
    """Give the inline policy of MeshCostExplorerServiceRole in the management account by name."""
    return {sandbox.METERING_ROLE: published(options)[Principal.METERING_ROLE].policy}


def role_trust(user: str, external_id: str) -> Policy:
    """Give the trust policy that lets a user of the meshcloud account in with the external id."""
    return trust(f"arn:aws:iam::{sandbox.MESHCLOUD_ACCOUNT_ID}:user/{user}", external_id)


def web_identity_trust() -> Policy:
    """Give the trust policy of the entry role, as published, filled in for the sandbox's identity provider."""
    filled = {
        "${OIDC_PROVIDER}": sandbox.WEB_IDENTITY_PROVIDER,
        "${OIDC_AUDIENCE}": sandbox.WEB_IDENTITY_AUDIENCE,
        "${OIDC_SUBJECT}": sandbox.WEB_IDENTITY_SUBJECT,
    }
    text = json.dumps(entry_trust(sandbox.ENTRY_ROLE_ARN, "aws"))
    for name, value in filled.items():
        text = text.replace(name, value)
    found: Policy = json.loads(text)
    return found


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
