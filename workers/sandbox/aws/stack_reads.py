"""CloudFormation's reading stack operations: descriptions, lists, events and templates."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workers.sandbox.aws.call import Call
from workers.sandbox.aws.paging import page
from workers.sandbox.aws.shapes import answer
from workers.sandbox.aws.stack_requests import existing, template_of
from workers.sandbox.aws.stacks import Event, Stack, find_stack, stacks_in
from workers.sandbox.aws.template_parameters import declarations, no_echo, shown
from workers.sandbox.aws.templates import Template, invalid

if TYPE_CHECKING:
    from workers.sandbox.aws.world import World

STATUSES_WITHOUT_EVENTS = {"UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "REVIEW_IN_PROGRESS"}
"""AWS's model of events does not know these statuses of stacks."""
CAPABILITIES_REASON = "The following resource(s) require capabilities: [{}]"


@answer("cloudformation", "DescribeStacks")
def describe_stacks(call: Call, world: World) -> Mapping[str, Any]:
    """Describe one stack, or all that are not deleted."""
    if call.parameters.get("StackName"):
        return {"Stacks": [_description(existing(call, world), world.now())]}
    living = [stack for stack in _stacks(call, world) if stack.status(world.now()) != "DELETE_COMPLETE"]
    stacks, more = page(living, lambda stack: stack.stack_id, call.parameters, error_code="ValidationError")
    return {"Stacks": [_description(stack, world.now()) for stack in stacks], **more}


@answer("cloudformation", "ListStacks")
def list_stacks(call: Call, world: World) -> Mapping[str, Any]:
    """List stacks, deleted ones too, by status when asked."""
    wanted = call.parameters.get("StackStatusFilter")
    chosen = [stack for stack in _stacks(call, world) if not wanted or stack.status(world.now()) in wanted]
    stacks, more = page(chosen, lambda stack: stack.stack_id, call.parameters, error_code="ValidationError")
    return {"StackSummaries": [_summary(stack, world.now()) for stack in stacks], **more}


def _stacks(call: Call, world: World) -> list[Stack]:
    return list(stacks_in(world, call.caller.account_id, call.region))


def _summary(stack: Stack, now: float) -> dict[str, Any]:
    event = stack.last_event(now)
    description = stack.revision(now).template.description
    return {
        "StackId": stack.stack_id,
        "StackName": stack.name,
        "CreationTime": stack.created_at,
        "StackStatus": event.status,
        "DriftInformation": {"StackDriftStatus": "NOT_CHECKED"},
        **({"TemplateDescription": description} if description else {}),
        **({"StackStatusReason": event.reason} if event.reason else {}),
        **({"LastUpdatedTime": stack.updated_at} if stack.updated_at is not None else {}),
        **({"DeletionTime": _deletion_time(stack, now)} if event.status.startswith("DELETE") else {}),
    }


def _deletion_time(stack: Stack, now: float) -> float:
    begun = [at for at, event in stack.events.until(now) if event.status == "DELETE_IN_PROGRESS"]
    return begun[-1] if begun else now


def _description(stack: Stack, now: float) -> dict[str, Any]:
    summary, revision = _summary(stack, now), stack.revision(now)
    description = summary.pop("TemplateDescription", None)
    return {
        **summary,
        **({"Description": description} if description else {}),
        "Parameters": shown(revision.template, revision.parameters),
        "Tags": [{"Key": key, "Value": value} for key, value in revision.tags.items()],
        "Capabilities": list(revision.capabilities),
        "Outputs": stack.outputs(now),
        "DisableRollback": stack.on_failure == "DO_NOTHING",
        "RollbackConfiguration": {},
        "NotificationARNs": [],
        "EnableTerminationProtection": False,
        **({"RoleARN": stack.role_arn} if stack.role_arn else {}),
    }


@answer("cloudformation", "DescribeStackEvents")
def describe_stack_events(call: Call, world: World) -> Mapping[str, Any]:
    """Answer the stack's events, newest first."""
    name = call.parameters["StackName"]
    stack = find_stack(world, call.caller.account_id, call.region, name)
    if stack is None:
        raise invalid(f"Stack [{name}] does not exist")
    past = [(at, event) for at, event in stack.events.until(world.now()) if event.status not in STATUSES_WITHOUT_EVENTS]
    numbered = list(enumerate(reversed(past)))
    events, more = page(numbered, lambda item: f"{item[0]:06}", call.parameters, error_code="ValidationError")
    return {"StackEvents": [_event(stack, at, event) for _, (at, event) in events], **more}


def _event(stack: Stack, at: float, event: Event) -> dict[str, Any]:
    return {
        "StackId": stack.stack_id,
        "EventId": event.event_id,
        "StackName": stack.name,
        "LogicalResourceId": event.logical_id,
        "PhysicalResourceId": event.physical_id,
        "ResourceType": event.resource_type,
        "Timestamp": at,
        "ResourceStatus": event.status,
        **({"ResourceStatusReason": event.reason} if event.reason else {}),
        **({"ClientRequestToken": event.token} if event.token else {}),
    }


@answer("cloudformation", "GetTemplate")
def get_template(call: Call, world: World) -> Mapping[str, Any]:
    """Answer the stack's template as it was given."""
    body = existing(call, world).revision(world.now()).template.body
    return {"TemplateBody": body, "StagesAvailable": ["Original", "Processed"]}


@answer("cloudformation", "ValidateTemplate")
def validate_template(call: Call, world: World) -> Mapping[str, Any]:
    """Check a template's format and answer what it declares."""
    template = template_of(call.parameters, world)
    return {"Parameters": declarations(template), **_common(template)}


@answer("cloudformation", "GetTemplateSummary")
def get_template_summary(call: Call, world: World) -> Mapping[str, Any]:
    """Answer what a template, given or of a stack, declares."""
    if call.parameters.get("StackName"):
        template = existing(call, world).revision(world.now()).template
    else:
        template = template_of(call.parameters, world)
    typed = [
        {**declaration, "ParameterType": template.parameters[declaration["ParameterKey"]]["Type"]}
        for declaration in declarations(template)
    ]
    for declaration in typed:
        allowed = template.parameters[declaration["ParameterKey"]].get("AllowedValues")
        declaration["NoEcho"] = no_echo(template.parameters[declaration["ParameterKey"]])
        declaration["ParameterConstraints"] = {"AllowedValues": [str(value) for value in allowed]} if allowed else {}
    types = sorted({resource["Type"] for resource in template.resources.values()})
    version, metadata = template.document.get("AWSTemplateFormatVersion"), template.document.get("Metadata")
    return {
        "Parameters": typed,
        "ResourceTypes": types,
        **({"Version": str(version)} if version else {}),
        **({"Metadata": json.dumps(metadata, default=str)} if metadata else {}),
        **_common(template),
    }


def _common(template: Template) -> dict[str, Any]:
    capabilities = template.capabilities()
    types = sorted({resource["Type"] for resource in template.resources.values() if "::IAM::" in resource["Type"]})
    return {
        **({"Description": template.description} if template.description else {}),
        "Capabilities": capabilities,
        **({"CapabilitiesReason": CAPABILITIES_REASON.format(", ".join(types))} if capabilities else {}),
    }
