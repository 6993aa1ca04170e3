"""CloudFormation's reading StackSet operations: StackSets, stack instances and operations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workers.sandbox.aws.call import AwsError, Call
from workers.sandbox.aws.paging import page
from workers.sandbox.aws.shapes import answer
from workers.sandbox.aws.stack_set_state import (
    Instance,
    Operation,
    StackSet,
    StackSetState,
    Target,
    existing,
    missing_instance,
)
from workers.sandbox.aws.template_parameters import shown

if TYPE_CHECKING:
    from workers.sandbox.aws.world import World


@answer("cloudformation", "DescribeStackSet")
def describe_stack_set(call: Call, world: World) -> Mapping[str, Any]:
    """Describe a StackSet."""
    stack_set = existing(call, world)
    administration_role = stack_set.administration_role
    return {
        "StackSet": {
            **_summary(stack_set),
            "TemplateBody": stack_set.template.body,
            "Parameters": shown(stack_set.template, stack_set.parameters),
            "Capabilities": list(stack_set.capabilities),
            "Tags": [{"Key": key, "Value": value} for key, value in stack_set.tags.items()],
            "StackSetARN": stack_set.arn,
            **({"AdministrationRoleARN": administration_role} if administration_role else {}),
            "ExecutionRoleName": stack_set.execution_role,
            "Regions": sorted({region for _, region in stack_set.present(world.now())}),
        }
    }


def _summary(stack_set: StackSet) -> dict[str, Any]:
    return {
        "StackSetName": stack_set.name,
        "StackSetId": stack_set.set_id,
        **({"Description": stack_set.description} if stack_set.description else {}),
        "Status": "ACTIVE",
        "PermissionModel": "SELF_MANAGED",
        "ManagedExecution": {"Active": stack_set.managed_execution},
    }


@answer("cloudformation", "ListStackSets")
def list_stack_sets(call: Call, world: World) -> Mapping[str, Any]:
    """List the caller's StackSets of this region."""
    if call.parameters.get("Status") == "DELETED":
        return {"Summaries": []}
    place = (call.caller.account_id, call.region)
    own = [item for item in world.state(StackSetState).stack_sets.values() if (item.account_id, item.region) == place]
    stack_sets, more = page(own, lambda stack_set: stack_set.name, call.parameters, error_code="ValidationError")
    return {"Summaries": [{**_summary(item), "DriftStatus": "NOT_CHECKED"} for item in stack_sets], **more}


@answer("cloudformation", "ListStackInstances")
def list_stack_instances(call: Call, world: World) -> Mapping[str, Any]:
    """List stack instances by account, region and filters."""
    stack_set, parameters, now = existing(call, world), call.parameters, world.now()
    account_id, region = parameters.get("StackInstanceAccount"), parameters.get("StackInstanceRegion")
    chosen = [
        (target, instance)
        for target in stack_set.present(now)
        if (account_id is None or target[0] == account_id)
        and (region is None or target[1] == region)
        and (instance := stack_set.instance(target, now)) is not None
        and all(_passes(instance, filter_) for filter_ in parameters.get("Filters") or ())
    ]
    instances, more = page(chosen, lambda item: "/".join(item[0]), parameters, error_code="ValidationError")
    return {"Summaries": [_instance(stack_set, target, instance) for target, instance in instances], **more}


def _passes(instance: Instance, filter_: Mapping[str, str]) -> bool:
    value = {
        "DETAILED_STATUS": instance.detailed_status,
        "LAST_OPERATION_ID": instance.operation_id,
        "DRIFT_STATUS": "NOT_CHECKED",
    }[filter_["Name"]]
    return value in filter_["Values"].split(",")


def _instance(stack_set: StackSet, target: Target, instance: Instance) -> dict[str, Any]:
    return {
        "StackSetId": stack_set.set_id,
        "Account": target[0],
        "Region": target[1],
        "Status": instance.status,
        "StackInstanceStatus": {"DetailedStatus": instance.detailed_status},
        "DriftStatus": "NOT_CHECKED",
        "LastOperationId": instance.operation_id,
        **({"StackId": instance.stack_id} if instance.stack_id else {}),
        **({"StatusReason": instance.reason} if instance.reason else {}),
    }


@answer("cloudformation", "DescribeStackInstance")
def describe_stack_instance(call: Call, world: World) -> Mapping[str, Any]:
    """Describe one stack instance with its overrides; raise StackInstanceNotFoundException."""
    stack_set = existing(call, world)
    target = (call.parameters["StackInstanceAccount"], call.parameters["StackInstanceRegion"])
    instance = stack_set.instance(target, world.now())
    if instance is None:
        raise missing_instance(stack_set, target)
    overrides = shown(stack_set.template, instance.overrides)
    return {"StackInstance": {**_instance(stack_set, target, instance), "ParameterOverrides": overrides}}


def _existing_operation(call: Call, stack_set: StackSet) -> Operation:
    operation_id = call.parameters["OperationId"]
    operation = stack_set.operations.get(operation_id)
    if operation is None:
        raise AwsError("OperationNotFoundException", f"Operation {operation_id} not found", 404)
    return operation


@answer("cloudformation", "DescribeStackSetOperation")
def describe_stack_set_operation(call: Call, world: World) -> Mapping[str, Any]:
    """Describe one operation; raise OperationNotFoundException."""
    stack_set = existing(call, world)
    operation = _existing_operation(call, stack_set)
    summary = _operation_summary(operation, world.now())
    retain = {"RetainStacks": operation.retain_stacks} if operation.action == "DELETE" else {}
    role = {"ExecutionRoleName": stack_set.execution_role}
    return {"StackSetOperation": {**summary, **retain, **role, "StackSetId": stack_set.set_id}}


def _operation_summary(operation: Operation, now: float) -> dict[str, Any]:
    ended = now >= operation.ends_at
    results = [timeline.at(now) for timeline in operation.results.values()]
    return {
        "OperationId": operation.operation_id,
        "Action": operation.action,
        "Status": operation.status(now),
        "CreationTimestamp": operation.created_at,
        **({"EndTimestamp": operation.ends_at} if ended else {}),
        "OperationPreferences": dict(operation.preferences),
        "StatusDetails": {
            "FailedStackInstancesCount": sum(1 for result in results if result and result.status == "FAILED")
        },
    }


@answer("cloudformation", "ListStackSetOperations")
def list_stack_set_operations(call: Call, world: World) -> Mapping[str, Any]:
    """List operations, newest first."""
    stack_set = existing(call, world)
    numbered = list(enumerate(reversed([*stack_set.operations.values()])))
    operations, more = page(numbered, lambda item: f"{item[0]:06}", call.parameters, error_code="ValidationError")
    return {"Summaries": [_operation_summary(operation, world.now()) for _, operation in operations], **more}


@answer("cloudformation", "ListStackSetOperationResults")
def list_stack_set_operation_results(call: Call, world: World) -> Mapping[str, Any]:
    """List what an operation has done to each account and region."""
    stack_set = existing(call, world)
    operation, now = _existing_operation(call, stack_set), world.now()
    wanted = {filter_["Values"] for filter_ in call.parameters.get("Filters") or ()}
    results = {target: result for target, timeline in operation.results.items() if (result := timeline.at(now))}
    chosen = [target for target, result in results.items() if not wanted or result.status in wanted]
    targets, more = page(chosen, "/".join, call.parameters, error_code="ValidationError")
    return {
        "Summaries": [
            {
                "Account": target[0],
                "Region": target[1],
                "Status": results[target].status,
                **({"StatusReason": reason} if (reason := results[target].reason) else {}),
                "AccountGateResult": {"Status": "SKIPPED", "StatusReason": "Function not found"},
            }
            for target in targets
        ],
        **more,
    }
