"""Organizations' service control policies: kept, attached to root, OUs and accounts, and in force in member accounts.

FullAWSAccess is attached everywhere, as in a new organization, so only a Deny changes anything; the management account
is never bound. One content may be changed by one request at a time, and a content has 5,120 characters at most.
Source: Organizations API reference; Organizations user guide, "Quotas" and "SCP evaluation".
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from workers.sandbox import organization
from workers.sandbox.aws.call import AwsError, Call
from workers.sandbox.aws.organization_requests import answer, constraint, invalid, listed, not_found, read_tags
from workers.sandbox.aws.shelf import Shelf
from workers.sandbox.aws.tree import OrganizationTree
from workers.sandbox.aws.visibility_rules import Kind
from workers.sandbox.aws.world import World

KIND = "SERVICE_CONTROL_POLICY"
CONTENT_LIMIT = 5_120  # characters
ATTACHED_LIMIT = 5  # policies of a target, FullAWSAccess among them
FULL_ACCESS = "p-FullAWSAccess"
EVERYTHING = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}'


@dataclass(frozen=True)
class ControlPolicy:
    """One policy and the ids of what it is attached to."""

    id: str
    name: str
    description: str
    content: str
    targets: frozenset[str] = frozenset()

    @property
    def arn(self) -> str:
        """Give the policy's ARN."""
        return arn_of(self.id)

    def summary(self) -> dict[str, Any]:
        """Give the members of PolicySummary."""
        return {
            "Id": self.id,
            "Arn": self.arn,
            "Name": self.name,
            "Description": self.description,
            "Type": KIND,
            "AwsManaged": self.id == FULL_ACCESS,
        }


@dataclass
class ControlPolicies:
    """All service control policies by id, and whether the organization uses any."""

    policies: Shelf[str, ControlPolicy] = field(default_factory=lambda: Shelf(Kind.CONTROL_POLICY))
    enabled: bool = True

    def __post_init__(self) -> None:
        """Begin with AWS's own policy."""
        description = "Allows access to every operation"
        self.policies[FULL_ACCESS] = ControlPolicy(FULL_ACCESS, "FullAWSAccess", description, EVERYTHING)


def arn_of(policy_id: str) -> str:
    """Give a policy's ARN by its id; those of AWS belong to no organization."""
    if policy_id == FULL_ACCESS:
        return f"arn:aws:organizations::aws:policy/service_control_policy/{policy_id}"
    place = f"{organization.MANAGEMENT_ACCOUNT_ID}:policy/{organization.ORGANIZATION_ID}"
    return f"arn:aws:organizations::{place}/service_control_policy/{policy_id}"


@answer("CreatePolicy")
def create_policy(call: Call, world: World) -> Mapping[str, Any]:
    """Create a policy whose name is new."""
    state, name = _enabled(call, world), call.parameters["Name"]
    _check_content(call.parameters["Content"])
    read_tags(call.parameters)
    if any(policy.name == name for policy in state.policies.values()):
        raise AwsError("DuplicatePolicyException", "A policy with the same name already exists.")
    policy = ControlPolicy(f"p-{world.number():08d}", name, call.parameters["Description"], call.parameters["Content"])
    state.policies[policy.id] = policy
    return _shown(policy)


@answer("UpdatePolicy")
def update_policy(call: Call, world: World) -> Mapping[str, Any]:
    """Change name, description or content."""
    policy, given = _policy(call, world), call.parameters
    if policy.id == FULL_ACCESS:
        raise invalid("You can't modify an AWS managed policy.", "IMMUTABLE_POLICY")
    _check_content(given.get("Content", policy.content))
    changed = {name.lower(): given[name] for name in ("Name", "Description", "Content") if name in given}
    policies = world.state(ControlPolicies).policies
    policies.change(policy.id, **changed)
    return _shown(policies[policy.id])


@answer("DescribePolicy")
def describe_policy(call: Call, world: World) -> Mapping[str, Any]:
    """Describe one policy with its content."""
    return _shown(_policy(call, world))


@answer("ListPolicies")
def list_policies(call: Call, world: World) -> Mapping[str, Any]:
    """List the organization's policies."""
    policies = world.state(ControlPolicies).policies.values() if call.parameters["Filter"] == KIND else ()
    return listed("Policies", policies, lambda one: one.id, ControlPolicy.summary, call, world)


@answer("ListPoliciesForTarget")
def list_policies_for_target(call: Call, world: World) -> Mapping[str, Any]:
    """List what is attached to the root, an OU or an account itself, not what it inherits."""
    target = _target(call, world)
    attached = [
        policy
        for policy in world.state(ControlPolicies).policies.values()
        if call.parameters["Filter"] == KIND and (policy.id == FULL_ACCESS or target in policy.targets)
    ]
    return listed("Policies", attached, lambda one: one.id, ControlPolicy.summary, call, world)


@answer("AttachPolicy")
def attach_policy(call: Call, world: World) -> Mapping[str, Any]:
    """Attach a policy to the root, an OU or an account."""
    policy, target = _policy(call, world), _target(call, world)
    state = world.state(ControlPolicies)
    if not state.enabled:
        raise AwsError(
            "PolicyTypeNotEnabledException", "This operation can be performed only for enabled policy types."
        )
    if policy.id == FULL_ACCESS or target in policy.targets:
        raise AwsError("DuplicatePolicyAttachmentException", "A policy with the specified name and type is attached.")
    attached = sum(target in one.targets for one in state.policies.values()) + 1  # FullAWSAccess
    if attached >= ATTACHED_LIMIT:
        message = "You have attached the maximum number of policies to the specified target."
        raise constraint(message, "MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED")
    state.policies.change(policy.id, targets=policy.targets | {target})
    return {}


def documents_over(account_id: str, world: World) -> Iterator[Mapping[str, Any]]:
    """Yield the policies that bind an account: its own and those of everything above it."""
    account = world.state(OrganizationTree).accounts.get(account_id)
    if account is None or account_id == world.management_account_id:
        return
    above = {account_id, *world.state(OrganizationTree).path(account.parent_id).split("/")}
    for policy in world.state(ControlPolicies).policies.values():
        if policy.targets & above:
            yield json.loads(policy.content)


def change_policy(world: World, body: Mapping[str, Any]) -> dict[str, Any]:
    """Operator action: change or make a policy by hand. Body: name; content, description, detach_from (a target)."""
    policies = world.state(ControlPolicies).policies
    policy = next((one for one in policies.values() if one.name == body["name"]), None)
    if policy is None:
        policy = ControlPolicy(f"p-{world.number():08d}", body["name"], "", EVERYTHING)
    policies[policy.id] = replace(
        policy,
        content=body.get("content", policy.content),
        description=body.get("description", policy.description),
        targets=policy.targets - {body.get("detach_from", "")},
    )
    return policies[policy.id].summary()


def enable_control_policies(world: World, body: Mapping[str, Any]) -> dict[str, Any]:
    """Operator action: let the organization use service control policies, or not. Body: enabled."""
    world.state(ControlPolicies).enabled = bool(body["enabled"])
    return {}


def snapshot(world: World) -> list[dict[str, Any]]:
    """Show every policy with its targets."""
    policies = world.state(ControlPolicies).policies.values()
    return [{**one.summary(), "Content": one.content, "Targets": sorted(one.targets)} for one in policies]


def _enabled(call: Call, world: World) -> ControlPolicies:
    state = world.state(ControlPolicies)
    if call.parameters["Type"] != KIND:
        message = "The simulator keeps service control policies only."
        raise AwsError("PolicyTypeNotAvailableForOrganizationException", message)
    return state


def _shown(policy: ControlPolicy) -> Mapping[str, Any]:
    return {"Policy": {"PolicySummary": policy.summary(), "Content": policy.content}}


def _policy(call: Call, world: World) -> ControlPolicy:
    policy = world.named(lambda each: each.state(ControlPolicies).policies.get(call.parameters["PolicyId"]))
    if policy is None:
        raise AwsError("PolicyNotFoundException", "We can't find a policy with the PolicyId that you specified.")
    return policy


def _target(call: Call, world: World) -> str:
    target = str(call.parameters["TargetId"])
    if world.named(lambda each: each.state(OrganizationTree).tags_of(target)) is None:
        raise not_found("TargetNotFoundException")
    return target


def _check_content(content: str) -> None:
    if len(content) > CONTENT_LIMIT:
        raise constraint("You have exceeded the size of a policy.", "POLICY_CONTENT_LIMIT_EXCEEDED")
    try:
        document = json.loads(content)
        statements = document["Statement"] if isinstance(document["Statement"], list) else [document["Statement"]]
        fits = document["Version"] == "2012-10-17" and all(
            each["Effect"] in ("Allow", "Deny") and ({"Action", "NotAction"} & each.keys()) and "Principal" not in each
            for each in statements
        )
    except (ValueError, KeyError, TypeError):
        fits = False
    if not fits:
        message = "The provided policy document does not meet the requirements of the specified policy type."
        raise AwsError("MalformedPolicyDocumentException", message)
