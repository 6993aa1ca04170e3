"""What AWS checks of IAM's roles and moto does not: names, trust policies, quotas. moto keeps the roles and answers.

Source: IAM API reference, CreateRole, UpdateAssumeRolePolicy, AttachRolePolicy; IAM user guide, quotas.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from workers.sandbox.aws import identities, shapes
from workers.sandbox.aws.call import AwsError, Call
from workers.sandbox.aws.iam_saml import SamlProviders
from workers.sandbox.aws.late_roles import roles_of
from workers.sandbox.aws.world import World

MANAGED_POLICIES = 10  # attached to one role
TRUST_LENGTH = 2048  # characters without spaces
FEDERATED_ACTIONS = ("sts:AssumeRoleWithSAML", "sts:TagSession", "sts:SetSourceIdentity")


def check(call: Call, world: World) -> None:
    """Raise AWS's error for a request that moto would take."""
    if "RoleName" not in call.parameters:
        return
    shapes.check("iam", call.operation, call.parameters)
    name = str(call.parameters["RoleName"])
    if call.operation == "CreateRole":
        if name.lower() in map(str.lower, identities.role_names(call.caller.account_id)):
            raise AwsError("EntityAlreadyExists", f"Role with name {name} already exists.", 409)
        _check_trust(str(call.parameters["AssumeRolePolicyDocument"]), call, world)
        return
    if not world.knows(lambda each: name in roles_of(call.caller.account_id, each)):
        raise AwsError("NoSuchEntity", f"The role with name {name} cannot be found.", 404)
    if call.operation == "UpdateAssumeRolePolicy":
        _check_trust(str(call.parameters["PolicyDocument"]), call, world)
    if call.operation == "AttachRolePolicy":
        _check_quota(name, call)


def snapshot(world: World) -> dict[str, dict[str, Any]]:
    """Show the roles by which people sign in, account by account, for the control API's state."""
    found: dict[str, dict[str, Any]] = {}
    for account in world.accounts:
        for role in identities.backend(account.id).roles.values():
            if ":saml-provider/" in unquote(role.assume_role_policy_document):
                shown = {"policies": sorted(role.managed_policies), "trust": identities.trust_policy(role)}
                found.setdefault(account.id, {})[role.name] = shown
    return found


def _check_quota(name: str, call: Call) -> None:
    role = identities.find_role(call.caller.account_id, name)
    attached = set() if role is None else set(role.managed_policies)
    if len(attached | {str(call.parameters["PolicyArn"])}) > MANAGED_POLICIES:
        raise AwsError("LimitExceeded", f"Cannot exceed quota for PoliciesPerRole: {MANAGED_POLICIES}", 409)


def _check_trust(text: str, call: Call, world: World) -> None:
    if len("".join(text.split())) > TRUST_LENGTH:
        raise AwsError("LimitExceeded", f"Cannot exceed quota for ACLSizePerRole: {TRUST_LENGTH}", 409)
    try:
        document = json.loads(text)
        statements = list(_statements(document))
    except (ValueError, AttributeError, TypeError) as error:
        raise _malformed("This policy contains invalid Json") from error
    if document.get("Version") not in (None, "2008-10-17", "2012-10-17"):
        raise _malformed("Syntax errors in policy.")
    known = world.as_seen().state(SamlProviders).of(call.caller.account_id)
    for statement in statements:
        _check_statement(statement, set(known))


def _check_statement(statement: Any, providers: set[str]) -> None:
    if "Resource" in statement:
        raise _malformed("Has prohibited field Resource")
    if "Principal" not in statement or statement.get("Effect") not in ("Allow", "Deny"):
        raise _malformed("Missing required field Principal or Effect")
    principal = statement["Principal"]
    federated = _listed(principal.get("Federated")) if isinstance(principal, dict) else []
    for provider in federated:
        if ":saml-provider/" in provider and provider not in providers:
            raise _malformed(f'Invalid principal in policy: "Federated":"{provider}"')
        if ":saml-provider/" in provider and not set(_listed(statement.get("Action"))) <= set(FEDERATED_ACTIONS):
            raise _malformed("AssumeRole policy may only specify STS AssumeRole actions.")


def _statements(document: Any) -> Iterator[Any]:
    statements = _listed(document.get("Statement"))
    sids = [statement["Sid"] for statement in statements if "Sid" in statement]
    if len(set(sids)) != len(sids):
        raise _malformed("Statement IDs (SID) in a single policy must be unique.")
    yield from statements


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _malformed(message: str) -> AwsError:
    return AwsError("MalformedPolicyDocument", message)
