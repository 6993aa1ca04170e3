"""CloudFormation's stack operations, per account and region.

Deployed templates have no effect on other simulated services: a role in a template cannot be assumed. Only what a
change set deploys (change_sets.py) has: its users, roles and service control policies are there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workers.sandbox.aws import stack_reads  # noqa: F401  # registers the reading operations
from workers.sandbox.aws.call import AwsError, Call
from workers.sandbox.aws.deployed_identities import delete_later, kept_by_keys
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
    plan_deletion,
    plan_update,
)
from workers.sandbox.aws.template_parameters import check_capabilities, resolve
from workers.sandbox.aws.templates import invalid, unfit

if TYPE_CHECKING:
    from workers.sandbox.aws.world import World

STACK_NAME = re.compile(r"[a-zA-Z][-a-zA-Z0-9]{0,127}")
UPDATABLE = {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE", "UPDATE_FAILED"}


@answer("cloudformation", "CreateStack")
def create_stack(call: Call, world: World) -> Mapping[str, Any]:
    """Start a stack, or answer the one that the same request has started before."""
    parameters, account_id = call.parameters, call.caller.account_id
    refuse_inactive_account(account_id, world)
    name, token = parameters["StackName"], parameters.get("ClientRequestToken")
    if not STACK_NAME.fullmatch(name):
        raise unfit("stackName", name, "Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*")
    if parameters.get("OnFailure") and parameters.get("DisableRollback") is not None:
        raise invalid("You can specify either OnFailure or DisableRollback, but not both.")
    template = template_of(parameters, world)
    values = resolve(template, parameters.get("Parameters"))
    check_capabilities(template, parameters.get("Capabilities"))
    revision = Revision(template, values, tags_of(parameters), tuple(parameters.get("Capabilities") or ()))
    found = find_stack(world, account_id, call.region, name)
    if found is not None:
        return _answer_again(found, token, revision)
    stack = new_stack(world, account_id, call.region, name, world.now())
    stack.token, stack.tokens = token, {token} if token else set()
    stack.on_failure = "DO_NOTHING" if parameters.get("DisableRollback") else parameters.get("OnFailure") or "ROLLBACK"
    stack.role_arn = parameters.get("RoleARN")
    plan_creation(stack, revision, failure_of(world, stack, revision), world.now(), world.options.stack_seconds)
    return {"StackId": stack.stack_id}


def _answer_again(stack: Stack, token: str | None, revision: Revision) -> Mapping[str, Any]:
    if token is None or token not in stack.tokens:
        raise AwsError("AlreadyExistsException", f"Stack [{stack.name}] already exists")
    first = stack.revisions.entries[0][1]
    if (first.template.body, first.parameters) != (revision.template.body, revision.parameters):
        raise AwsError("TokenAlreadyExistsException", f"ClientRequestToken {token} was used with other parameters")
    return {"StackId": stack.stack_id}


@answer("cloudformation", "UpdateStack")
def update_stack(call: Call, world: World) -> Mapping[str, Any]:
    """Start an update; raise ValidationError when there is nothing to change or the stack cannot be updated now."""
    refuse_inactive_account(call.caller.account_id, world)
    stack, parameters, now = existing(call, world), call.parameters, world.now()
    token = parameters.get("ClientRequestToken")
    if token is not None and token in stack.tokens:
        raise AwsError("TokenAlreadyExistsException", f"Stack operation with token {token} already exists")
    status = stack.status(now)
    if status not in UPDATABLE:
        raise invalid(f"Stack:{stack.stack_id} is in {status} state and can not be updated.")
    former = stack.revision(now)
    template = former.template if parameters.get("UsePreviousTemplate") else template_of(parameters, world)
    values = resolve(template, parameters.get("Parameters"), former.parameters)
    check_capabilities(template, parameters.get("Capabilities"))
    tags = former.tags if parameters.get("Tags") is None else tags_of(parameters)
    revision = Revision(template, values, tags, tuple(parameters.get("Capabilities") or ()))
    if (former.template.document, former.parameters, former.tags) == (template.document, values, tags):
        raise invalid("No updates are to be performed.")
    stack = world.state(CloudFormationState).stacks.rewrite(stack.stack_id)
    stack.token = token
    stack.tokens |= {token} if token else set()
    plan_update(stack, revision, failure_of(world, stack, revision), now, world.options.stack_seconds)
    return {"StackId": stack.stack_id}


@answer("cloudformation", "DeleteStack")
def delete_stack(call: Call, world: World) -> Mapping[str, Any]:
    """Start deleting; a stack that does not exist is deleted already."""
    stack = find_stack(world, call.caller.account_id, call.region, call.parameters["StackName"])
    if stack is None or stack.status(world.now()) in ("DELETE_IN_PROGRESS", "DELETE_COMPLETE"):
        return {}
    status = stack.status(world.now())
    if status.startswith("UPDATE") and status.endswith("IN_PROGRESS"):
        raise invalid(f"Stack [{stack.stack_id}] cannot be deleted while in status {status}")
    stack = world.state(CloudFormationState).stacks.rewrite(stack.stack_id)
    stack.token = call.parameters.get("ClientRequestToken")
    now, seconds, kept = world.now(), world.options.stack_seconds, kept_by_keys(world, stack)
    if kept is not None:
        stack.record(now, "DELETE_IN_PROGRESS", "User Initiated")
        stack.record(now + seconds, "DELETE_FAILED", kept)
        return {}
    delete_later(world, stack, now + seconds)
    plan_deletion(stack, world.now(), world.options.stack_seconds)
    return {}
