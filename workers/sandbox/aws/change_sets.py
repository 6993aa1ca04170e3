"""CloudFormation's change sets: what a template would change, and doing it. A new stack waits in REVIEW_IN_PROGRESS.

Source: CloudFormation API reference, CreateChangeSet, DescribeChangeSet, ExecuteChangeSet, DeleteChangeSet.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from workers.sandbox.aws.call import AwsError, Call
from workers.sandbox.aws.deployed_identities import deploy_later, properties_of, trouble
from workers.sandbox.aws.shapes import answer
from workers.sandbox.aws.stack_requests import existing, refuse_inactive_account, tags_of, template_of
from workers.sandbox.aws.stacks import (
    CloudFormationState,
    Revision,
    Stack,
    failure_of,
    find_stack,
    new_stack,
    plan_creation,
    plan_update,
)
from workers.sandbox.aws.template_parameters import check_capabilities, resolve
from workers.sandbox.aws.templates import invalid

if TYPE_CHECKING:
    from workers.sandbox.aws.world import World

REVIEW = "REVIEW_IN_PROGRESS"
UPDATABLE = {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"}
NO_CHANGES = "The submitted information didn't contain changes. Submit different information to create a change set."


@dataclass
class ChangeSet:
    """One change set. ready: when AWS has worked it out, in seconds since the epoch."""

    name: str
    arn: str
    stack_id: str
    kind: str  # CREATE | UPDATE
    revision: Revision
    changes: list[dict[str, Any]]
    ready: float
    description: str | None = None
    executed: bool = False


@dataclass
class ChangeSets:
    """All change sets by stack id and name."""

    of: dict[tuple[str, str], ChangeSet] = field(default_factory=dict)


@answer("cloudformation", "CreateChangeSet")
def create_change_set(call: Call, world: World) -> Mapping[str, Any]:
    """Work out what would change."""
    parameters, account_id, now = call.parameters, call.caller.account_id, world.now()
    refuse_inactive_account(account_id, world)
    kind, name = parameters.get("ChangeSetType", "UPDATE"), parameters["StackName"]
    template = template_of(parameters, world)
    stack = find_stack(world, account_id, call.region, name)
    new = stack is None or stack.status(now) == REVIEW
    if kind == "CREATE" and not new:
        again = f"cannot be created again with the changeSet [{parameters['ChangeSetName']}]."
        raise invalid(f"Stack [{name}] already exists and {again}")
    if kind == "UPDATE" and stack is None:
        raise invalid(f"Stack [{name}] does not exist")
    if kind == "UPDATE" and stack is not None and stack.status(now) not in UPDATABLE:
        raise invalid(f"Stack:{stack.stack_id} is in {stack.status(now)} state and can not be updated.")
    previous = None if new or stack is None else stack.revision(now).parameters
    values = resolve(template, parameters.get("Parameters"), previous)
    check_capabilities(template, parameters.get("Capabilities"))
    revision = Revision(template, values, tags_of(parameters), tuple(parameters.get("Capabilities") or ()))
    former = None if new or stack is None else stack.revision(now)
    if stack is None:
        stack = new_stack(world, account_id, call.region, name, now)
        stack.revisions.add(now, revision)
        stack.record(now, REVIEW, "User Initiated")
    changes = list(_changes(stack, former, revision))
    arn = f"arn:aws:cloudformation:{call.region}:{account_id}:changeSet/{parameters['ChangeSetName']}/{uuid.uuid4()}"
    made = ChangeSet(
        parameters["ChangeSetName"],
        arn,
        stack.stack_id,
        kind,
        revision,
        changes,
        now + world.options.stack_seconds / 2,
        parameters.get("Description"),
    )
    sets = world.state(ChangeSets).of
    if (stack.stack_id, made.name) in sets:
        raise AwsError("AlreadyExistsException", f"ChangeSet {made.name} already exists")
    sets[stack.stack_id, made.name] = made
    return {"Id": arn, "StackId": stack.stack_id}


def _changes(stack: Stack, former: Revision | None, revision: Revision) -> Iterator[dict[str, Any]]:
    before = {} if former is None else properties_of(stack, former)
    after = properties_of(stack, revision)
    for logical, (kind, properties) in after.items():
        if before.get(logical) != (kind, properties):
            yield _change("Modify" if logical in before else "Add", logical, kind)
    for logical, (kind, _) in before.items():
        if logical not in after:
            yield _change("Remove", logical, kind)


def _change(action: str, logical: str, kind: str) -> dict[str, Any]:
    replacement = {"Replacement": "False", "Scope": ["Properties"]} if action == "Modify" else {}
    return {
        "Type": "Resource",
        "ResourceChange": {"Action": action, "LogicalResourceId": logical, "ResourceType": kind, **replacement},
    }


@answer("cloudformation", "DescribeChangeSet")
def describe_change_set(call: Call, world: World) -> Mapping[str, Any]:
    """Show what would change, once it is known."""
    found = _existing(call, world)
    answered = {"ChangeSetName": found.name, "ChangeSetId": found.arn, "StackId": found.stack_id}
    if found.ready > world.now():
        return {**answered, "Status": "CREATE_IN_PROGRESS", "ExecutionStatus": "UNAVAILABLE"}
    if not found.changes:
        failed = {"Status": "FAILED", "StatusReason": NO_CHANGES, "ExecutionStatus": "UNAVAILABLE"}
        return {**answered, **failed, "Changes": []}
    state = "EXECUTE_COMPLETE" if found.executed else "AVAILABLE"
    return {**answered, "Status": "CREATE_COMPLETE", "ExecutionStatus": state, "Changes": found.changes}


@answer("cloudformation", "ListChangeSets")
def list_change_sets(call: Call, world: World) -> Mapping[str, Any]:
    """List the change sets of a stack that wait; executing one forgets it."""
    stack = existing(call, world)
    found = [each for (stack_id, _), each in world.state(ChangeSets).of.items() if stack_id == stack.stack_id]
    return {
        "Summaries": [
            {
                "StackId": each.stack_id,
                "StackName": stack.name,
                "ChangeSetId": each.arn,
                "ChangeSetName": each.name,
                "Status": "CREATE_COMPLETE" if each.ready <= world.now() else "CREATE_IN_PROGRESS",
                **({"Description": each.description} if each.description else {}),
            }
            for each in found
            if not each.executed
        ]
    }


@answer("cloudformation", "ExecuteChangeSet")
def execute_change_set(call: Call, world: World) -> Mapping[str, Any]:
    """Start to build what the change set says."""
    found, now, seconds = _existing(call, world), world.now(), world.options.stack_seconds
    if found.ready > now or not found.changes or found.executed:
        message = f"ChangeSet [{found.arn}] cannot be executed in its current status"
        raise AwsError("InvalidChangeSetStatus", message)
    found.executed = True
    stack = world.state(CloudFormationState).stacks.rewrite(found.stack_id)
    failure = failure_of(world, stack, found.revision) or trouble(world, stack, found.revision)
    plan = plan_creation if found.kind == "CREATE" else plan_update
    plan(stack, found.revision, failure, now, seconds)
    if failure is None:
        deploy_later(world, stack, found.revision, now + seconds)
    return {}


@answer("cloudformation", "DeleteChangeSet")
def delete_change_set(call: Call, world: World) -> Mapping[str, Any]:
    """Forget a change set; one that does not exist is deleted already."""
    stack = existing(call, world)
    world.state(ChangeSets).of.pop((stack.stack_id, call.parameters["ChangeSetName"]), None)
    return {}


def _existing(call: Call, world: World) -> ChangeSet:
    stack = existing(call, world)
    found = world.state(ChangeSets).of.get((stack.stack_id, call.parameters["ChangeSetName"]))
    if found is None:
        raise AwsError("ChangeSetNotFound", f"ChangeSet [{call.parameters['ChangeSetName']}] does not exist", 404)
    return found
