"""What a stack makes of IAM and Organizations, when a change set is executed: users, roles, control policies.

Strict as AWS: a name that somebody else has, and a trust policy that names nobody who exists, fail the stack.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from workers.sandbox.aws import identities
from workers.sandbox.aws.control_policies import ControlPolicies, ControlPolicy
from workers.sandbox.aws.stacks import CloudFormationState, Revision, Stack
from workers.sandbox.aws.template_outputs import Resolver
from workers.sandbox.aws.tree import OrganizationTree

if TYPE_CHECKING:
    from workers.sandbox.aws.world import World

ROLE, USER, CONTROL_POLICY = "AWS::IAM::Role", "AWS::IAM::User", "AWS::Organizations::Policy"
NAMES = {ROLE: "RoleName", USER: "UserName", CONTROL_POLICY: "Name"}
NOTHING = object()  # AWS::NoValue


@dataclass
class Deployments:
    """What is to be made when a stack has been built, and what each stack has made."""

    waiting: list[tuple[float, str, Revision | None]] = field(default_factory=list)  # None: it is to be deleted
    made: dict[str, set[tuple[str, str]]] = field(default_factory=dict)  # stack id -> kind and name


def properties_of(stack: Stack, revision: Revision) -> dict[str, tuple[str, dict[str, Any]]]:
    """Resolve the properties of every resource: logical id -> type and properties."""
    resolver = Resolver(revision.template, revision.parameters, stack.place())
    return {
        name: (resource["Type"], _resolved(resource.get("Properties") or {}, resolver))
        for name, resource in revision.template.resources.items()
    }


def trouble(world: World, stack: Stack, revision: Revision) -> str | None:
    """Say why this cannot be built; None: it can."""
    made = world.state(Deployments).made.get(stack.stack_id, set())
    for kind, properties in properties_of(stack, revision).values():
        if kind not in NAMES:
            continue
        name = properties[NAMES[kind]]
        if (kind, name) not in made and _exists(world, stack.account_id, kind, name):
            return f"{name} already exists"
        if kind == CONTROL_POLICY and (wrong := _untargeted(world, stack, properties)):
            return wrong
        for principal in _principals(properties.get("AssumeRolePolicyDocument") or {}):
            if not _is_somebody(principal):
                return f'Invalid principal in policy: "AWS":"{principal}"'
    return None


def _untargeted(world: World, stack: Stack, properties: Mapping[str, Any]) -> str | None:
    """Say why Organizations does not take the policy here, or does not attach it."""
    if stack.account_id != world.management_account_id:
        return "You don't have permissions to access this resource."
    tree = world.state(OrganizationTree)
    missing = [each for each in properties.get("TargetIds", ()) if not tree.is_container(each)]
    return "You specified a target that doesn't exist." if set(missing) - set(tree.accounts) else None


def deploy_later(world: World, stack: Stack, revision: Revision, at: float) -> None:
    """Make everything when the stack has been built."""
    world.state(Deployments).waiting.append((at, stack.stack_id, revision))


def delete_later(world: World, stack: Stack, at: float) -> None:
    """Delete everything when the stack is deleted."""
    world.state(Deployments).waiting.append((at, stack.stack_id, None))


def kept_by_keys(world: World, stack: Stack) -> str | None:
    """Say why a stack cannot be deleted: AWS deletes no user that has access keys; None: it can."""
    for kind, name in world.state(Deployments).made.get(stack.stack_id, set()):
        if kind == USER and identities.backend(stack.account_id).list_access_keys(name):
            return f"Cannot delete entity, must delete access keys first. (User {name})"
    return None


def settle(world: World) -> None:
    """Make what is due."""
    deployments = world.state(Deployments)
    for entry in [each for each in deployments.waiting if each[0] <= world.now()]:
        deployments.waiting.remove(entry)
        _, stack_id, revision = entry
        stack = world.state(CloudFormationState).stacks[stack_id]
        if revision is None:
            _delete(world, stack, deployments.made.pop(stack_id, set()))
        else:
            deployments.made[stack_id] = set(_make(world, stack, revision))


def _delete(world: World, stack: Stack, made: set[tuple[str, str]]) -> None:
    for kind, name in made:
        role = identities.find_role(stack.account_id, name)
        if kind == ROLE and role is not None:
            del identities.backend(stack.account_id).roles[role.id]
        elif kind == USER:
            identities.forget_user(stack.account_id, name)
        elif kind == CONTROL_POLICY:
            policies = world.state(ControlPolicies).policies
            for policy_id in [each.id for each in policies.values() if each.name == name]:
                del policies[policy_id]


def _make(world: World, stack: Stack, revision: Revision) -> Iterator[tuple[str, str]]:
    for kind, properties in properties_of(stack, revision).values():
        if kind not in NAMES:
            continue
        name, policies = properties[NAMES[kind]], _policies(properties)
        if kind == ROLE:
            role = identities.find_role(stack.account_id, name)
            if role is not None:
                del identities.backend(stack.account_id).roles[role.id]
            managed = properties.get("ManagedPolicyArns", ())
            identities.create_role(stack.account_id, name, properties["AssumeRolePolicyDocument"], policies, managed)
        elif kind == USER:
            identities.write_user(stack.account_id, name, policies, properties.get("Tags", ()))
        else:
            shelf = world.state(ControlPolicies).policies
            policy_id = f"p-{name.replace('-', '')[:8]}"
            content = json.dumps(properties["Content"], separators=(",", ":"))
            targets = frozenset(properties.get("TargetIds", ()))
            shelf[policy_id] = ControlPolicy(policy_id, name, properties["Description"], content, targets)
        yield kind, name


def _policies(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {each["PolicyName"]: each["PolicyDocument"] for each in properties.get("Policies", ())}


def _exists(world: World, account_id: str, kind: str, name: str) -> bool:
    if kind == ROLE:
        return identities.find_role(account_id, name) is not None
    if kind == USER:
        return name in identities.backend(account_id).users
    return any(policy.name == name for policy in world.state(ControlPolicies).policies.values())


def _principals(document: Mapping[str, Any]) -> Iterator[str]:
    for statement in document.get("Statement", ()):
        named = statement.get("Principal", {}).get("AWS", [])
        yield from [named] if isinstance(named, str) else named


def _is_somebody(arn: str) -> bool:
    *_, account_id, resource = arn.split(":")
    kind, _, name = resource.partition("/")
    if kind == "role":
        return identities.find_role(account_id, name.rpartition("/")[2]) is not None
    return kind != "user" or name.rpartition("/")[2] in identities.backend(account_id).users


def _resolved(value: Any, resolver: Resolver) -> Any:
    if isinstance(value, list):
        return [each for each in (_resolved(item, resolver) for item in value) if each is not NOTHING]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"Ref"}:
        return _referred(value["Ref"], resolver)
    if value.keys() == {"Fn::If"}:
        condition, then, otherwise = value["Fn::If"]
        return _resolved(
            then if _holds(resolver.template.document["Conditions"][condition], resolver) else otherwise, resolver
        )
    if len(value) == 1 and next(iter(value)).startswith("Fn::"):
        return resolver.text(value)
    found = {key: _resolved(each, resolver) for key, each in value.items()}
    return {key: each for key, each in found.items() if each is not NOTHING}


def _referred(name: str, resolver: Resolver) -> Any:
    if name == "AWS::NoValue":
        return NOTHING
    text = resolver.reference(name)
    if resolver.template.parameters.get(name, {}).get("Type") == "CommaDelimitedList":
        return text.split(",")
    return text


def _holds(condition: Any, resolver: Resolver) -> bool:
    (function, arguments) = next(iter(condition.items()))
    if function == "Fn::Not":
        return not _holds(arguments[0], resolver)
    if function == "Fn::Equals":
        first, second = (_joined(each, resolver) for each in arguments)
        return first == second
    raise ValueError(f"the simulator does not evaluate {function}")


def _joined(value: Any, resolver: Resolver) -> str:
    if isinstance(value, dict) and "Fn::Join" in value and isinstance(value["Fn::Join"][1], dict):
        separator, reference = value["Fn::Join"]
        return str(separator).join(_resolved(reference, resolver))
    return resolver.text(value)
