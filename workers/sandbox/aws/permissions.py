"""Whether a caller may do what it asks: the organization's rules, what an operator denied, and identity policies.

Which action and which resources a call needs follows the service authorization reference; an action is allowed only
if it is allowed on every resource that it names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from workers.sandbox.aws import control_policies, control_tower, errors, identities
from workers.sandbox.aws.call import AwsError, Call, Caller
from workers.sandbox.aws.policies import Decision, evaluate
from workers.sandbox.aws.tree import OrganizationTree, organization_arn
from workers.sandbox.aws.world import World
from workers.sandbox.scim import SERVICE as SCIM

PREFIXES = {"sso-admin": "sso"}
ACTIONS = {("lambda", "Invoke"): "lambda:InvokeFunction"}
ALWAYS_ALLOWED = ("sts:GetCallerIdentity", "sts:AssumeRoleWithWebIdentity")
DECIDED_BY_STS = ("sts:AssumeRole",)
WITH_TAGS = {  # asked for along with the operation, when it is to tag what it makes
    "organizations:CreateAccount": "organizations:TagResource",
    "iam:CreateRole": "iam:TagRole",
    "iam:CreateSAMLProvider": "iam:TagSAMLProvider",
}
ALLOWED_FROM_MEMBERS = ("DescribeOrganization",)
ORGANIZATION_MEMBERS = ("AccountId", "ResourceId", "ChildId", "ParentId", "OrganizationalUnitId", "SourceParentId")


@dataclass(frozen=True)
class Denial:
    """What an operator forbade, as a service control policy would: patterns with *."""

    action: str
    account_id: str = "*"
    principal: str = "*"  # of the caller's ARN

    def forbids(self, action: str, call: Call) -> bool:
        """Say whether the rule is about this call."""
        caller = call.caller
        return (
            fnmatchcase(action, self.action)
            and fnmatchcase(caller.account_id, self.account_id)
            and fnmatchcase(caller.arn, self.principal)
        )


@dataclass
class Denials:
    """Everything that is forbidden by now."""

    rules: list[Denial] = field(default_factory=list)


def authorize(call: Call, world: World) -> None:
    """Let the call through or raise AWS's AccessDenied."""
    action = action_of(call)
    is_member = call.caller.account_id != world.management_account_id
    if call.service == "organizations" and is_member and call.operation not in ALLOWED_FROM_MEMBERS:
        raise AwsError("AccessDeniedException", "You don't have permissions to access this resource.")
    _refuse_denied(call, world, action)
    decided = call.service == SCIM or action in (*ALWAYS_ALLOWED, *DECIDED_BY_STS)  # SCIM: by its token
    if world.options.enforce_policies and not decided:
        _require_allow(call, world, action)
        if call.parameters.get("Tags") and action in WITH_TAGS:
            tagged = organization_arn("*") if call.operation == "CreateAccount" else resources_of(call)[0]
            require(call, world, WITH_TAGS[action], tagged)


def action_of(call: Call) -> str:
    """Name the IAM action of a call."""
    default = f"{PREFIXES.get(call.service, call.service)}:{call.operation}"
    return ACTIONS.get((call.service, call.operation), default)


def resources_of(call: Call) -> list[str]:
    """Name the ARNs of what a call touches; ["*"] for an action without resources."""
    finders = {
        "organizations": _organization_resources,
        "sso-admin": _identity_center_resources,
        "iam": _iam_resources,
        "cloudformation": _cloudformation_resources,
    }
    finder = finders.get(call.service)
    return list(finder(call)) or ["*"] if finder else _other_resources(call)


def _refuse_denied(call: Call, world: World, action: str) -> None:
    for rule in world.state(Denials).rules:
        if rule.forbids(action, call):
            reason = "with an explicit deny in a service control policy"
            raise errors.not_authorized(call.service, call.caller, action, resources_of(call)[0], reason)
    bounds, context = list(control_policies.documents_over(call.caller.account_id, world)), _context(call, world)
    for resource in resources_of(call):
        control_tower.guard(call, world, action, resource)
        if evaluate(bounds, action, resource, context) is Decision.DENIED:
            reason = "with an explicit deny in a service control policy"
            raise errors.not_authorized(call.service, call.caller, action, resource, reason)


def _require_allow(call: Call, world: World, action: str) -> None:
    documents = identities.policies_of(call.caller.arn)
    context = _context(call, world)
    for resource in resources_of(call):
        _decide(call, documents, action, resource, context)


def require(call: Call, world: World, action: str, resource: str) -> None:
    """Let a service do something in the caller's name, or raise AWS's AccessDenied."""
    if world.options.enforce_policies:
        _decide(call, identities.policies_of(call.caller.arn), action, resource, _context(call, world))


def role_of(caller: Caller) -> str:
    """Name the role behind a session by its ARN; a user is its own."""
    if ":assumed-role/" not in caller.arn:
        return caller.arn
    name = caller.arn.split("/")[1]
    role = identities.find_role(caller.account_id, name)
    return str(role.arn) if role is not None else f"arn:aws:iam::{caller.account_id}:role/{name}"


def _decide(
    call: Call, documents: list[Mapping[str, Any]], action: str, resource: str, context: Mapping[str, str | list[str]]
) -> None:
    decision = evaluate(documents, action, resource, context)
    if decision is Decision.DENIED:
        reason = "with an explicit deny in an identity-based policy"
        raise errors.not_authorized(call.service, call.caller, action, resource, reason)
    if decision is Decision.SILENT:
        reason = f"because no identity-based policy allows the {action} action"
        raise errors.not_authorized(call.service, call.caller, action, resource, reason)


def _context(call: Call, world: World) -> Mapping[str, str | list[str]]:
    context: dict[str, str | list[str]] = {"aws:PrincipalArn": role_of(call.caller), "aws:RequestedRegion": call.region}
    account = world.state(OrganizationTree).accounts.get(str(call.parameters.get("AccountId")))
    if call.service == "organizations" and account is not None:
        context["aws:ResourceOrgPaths"] = [world.state(OrganizationTree).path(account.parent_id)]
    return context


def _organization_resources(call: Call) -> Iterator[str]:
    members = (*ORGANIZATION_MEMBERS, "DestinationParentId", "TargetId")
    for member in members:
        if member in call.parameters:
            yield organization_arn(str(call.parameters[member]))
    if "PolicyId" in call.parameters:
        yield control_policies.arn_of(str(call.parameters["PolicyId"]))


def _identity_center_resources(call: Call) -> Iterator[str]:
    for member in ("InstanceArn", "PermissionSetArn"):
        if member in call.parameters:
            yield str(call.parameters[member])
    for member in ("TargetId", "AccountId"):
        if member in call.parameters:
            yield f"arn:aws:sso:::account/{call.parameters[member]}"


def _iam_resources(call: Call) -> Iterator[str]:
    account_id = call.caller.account_id
    if "RoleName" in call.parameters:
        name, path = str(call.parameters["RoleName"]), call.parameters.get("Path", "/")
        role = identities.find_role(account_id, name)
        yield str(role.arn) if role is not None else f"arn:aws:iam::{account_id}:role{path}{name}"
    if "UserName" in call.parameters:
        yield f"arn:aws:iam::{account_id}:user/{call.parameters['UserName']}"
    if "SAMLProviderArn" in call.parameters:
        yield str(call.parameters["SAMLProviderArn"])
    if call.operation == "CreateSAMLProvider":
        yield f"arn:aws:iam::{account_id}:saml-provider/{call.parameters.get('Name')}"


def _cloudformation_resources(call: Call) -> Iterator[str]:
    prefix = f"arn:aws:cloudformation:{call.region}:{call.caller.account_id}"
    if "StackName" in call.parameters:
        name = str(call.parameters["StackName"])
        yield name if name.startswith("arn:") else f"{prefix}:stack/{name}/*"
    if "StackSetName" in call.parameters:
        yield f"{prefix}:stackset/{call.parameters['StackSetName']}:*"


def _other_resources(call: Call) -> list[str]:
    if call.service == "sts" and "RoleArn" in call.parameters:
        return [str(call.parameters["RoleArn"])]
    if call.service == "secretsmanager" and "SecretId" in call.parameters:
        name = str(call.parameters["SecretId"])
        arn = f"arn:aws:secretsmanager:{call.region}:{call.caller.account_id}:secret:{name}-??????"
        return [name if name.startswith("arn:") else arn]
    if call.service == "ssm" and "Name" in call.parameters:
        name = str(call.parameters["Name"])
        arn = f"arn:aws:ssm:{call.region}:{call.caller.account_id}:parameter/{name.lstrip('/')}"
        return [name if name.startswith("arn:") else arn]
    if call.service == "lambda" and "FunctionName" in call.parameters:
        name = str(call.parameters["FunctionName"])
        arn = f"arn:aws:lambda:{call.region}:{call.caller.account_id}:function:{name}"
        return [name if name.startswith("arn:") else arn]
    if call.service == "identitystore" and "IdentityStoreId" in call.parameters:
        return [f"arn:aws:identitystore::{call.caller.account_id}:identitystore/{call.parameters['IdentityStoreId']}"]
    return ["*"]
