"""CloudFormation's StackSet operations with self-managed permissions.

Service-managed StackSets are refused: the connector's landing zones deploy with self-managed ones.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workers.sandbox import organization
from workers.sandbox.aws import stack_set_reads  # noqa: F401  # registers the reading operations
from workers.sandbox.aws.call import AwsError, Call
from workers.sandbox.aws.shapes import answer
from workers.sandbox.aws.stack_requests import tags_of, template_of
from workers.sandbox.aws.stack_set_operations import run
from workers.sandbox.aws.stack_set_state import (
    EXECUTION_ROLE,
    NAME,
    Operation,
    StackSet,
    StackSetState,
    Target,
    accept,
    existing,
    keep,
    mark_outdated,
    misnamed,
    missing_instance,
    start_of,
)
from workers.sandbox.aws.template_parameters import (
    check_capabilities,
    check_value,
    given_value,
    refuse_unknown,
    resolve,
)
from workers.sandbox.aws.templates import invalid, read_template

if TYPE_CHECKING:
    from workers.sandbox.aws.world import World

SEED_TEMPLATE = """\
AWSTemplateFormatVersion: "2010-09-09"
Description: What every account of the sandbox gets.
Parameters:
{parameters}
Resources:
  AccountName:
    Type: AWS::SSM::Parameter
    Properties: {{Name: /meshstack/account-name, Type: String, Value: !Ref AccountName}}
"""


def seed_stack_set(world: World) -> None:
    """Create the sandbox's StackSet in the automation account, with a default for each parameter."""
    lines = [f'  {name}: {{Type: String, Default: "unset"}}' for name in organization.STACK_SET_PARAMETERS]
    template = read_template(SEED_TEMPLATE.format(parameters="\n".join(lines)))
    name, account_id = organization.STACK_SET_NAME, organization.AUTOMATION_ACCOUNT_ID
    stack_set = StackSet(
        name=name,
        set_id=f"{name}:{uuid.uuid4()}",
        account_id=account_id,
        region=organization.REGION,
        template=template,
        parameters=resolve(template, None),
        tags={},
        capabilities=(),
        description="The baseline of every tenant's account",
    )
    keep(stack_set, world)


@answer("cloudformation", "CreateStackSet")
def create_stack_set(call: Call, world: World) -> Mapping[str, Any]:
    """Store a StackSet; the same ClientRequestToken answers the same StackSet."""
    parameters, name = call.parameters, call.parameters["StackSetName"]
    if not re.fullmatch(NAME, name):
        raise misnamed(name, NAME)
    if parameters.get("PermissionModel", "SELF_MANAGED") != "SELF_MANAGED":
        raise invalid("The simulator offers StackSets with self-managed permissions only")
    template = template_of(parameters, world)
    values = resolve(template, parameters.get("Parameters"))
    check_capabilities(template, parameters.get("Capabilities"))
    stack_sets = world.state(StackSetState).stack_sets
    key = (call.caller.account_id, call.region, name)
    if key in stack_sets:
        if parameters.get("ClientRequestToken") and parameters["ClientRequestToken"] == stack_sets[key].token:
            return {"StackSetId": stack_sets[key].set_id}
        raise AwsError("NameAlreadyExistsException", f"StackSet {name} already exists.", 409)
    stack_set = StackSet(
        name=name,
        set_id=f"{name}:{uuid.uuid4()}",
        account_id=call.caller.account_id,
        region=call.region,
        template=template,
        parameters=values,
        tags=tags_of(parameters),
        capabilities=tuple(parameters.get("Capabilities") or ()),
        description=parameters.get("Description"),
        administration_role=parameters.get("AdministrationRoleARN"),
        execution_role=parameters.get("ExecutionRoleName") or EXECUTION_ROLE,
        managed_execution=bool((parameters.get("ManagedExecution") or {}).get("Active")),
        token=parameters.get("ClientRequestToken"),
    )
    keep(stack_set, world)
    return {"StackSetId": stack_set.set_id}


@answer("cloudformation", "UpdateStackSet")
def update_stack_set(call: Call, world: World) -> Mapping[str, Any]:
    """Change a StackSet and start updating its instances: the named ones, or all."""
    stack_set, parameters, now = existing(call, world), call.parameters, world.now()
    present = stack_set.present(now)
    targets = _targets(call) if parameters.get("Accounts") else present
    _refuse_missing(stack_set, targets, now)
    previous = parameters.get("UsePreviousTemplate") or not _gives_template(parameters)
    template = stack_set.template if previous else template_of(parameters, world)
    values = resolve(template, parameters.get("Parameters"), stack_set.parameters)
    check_capabilities(template, parameters.get("Capabilities"))
    operation_id = accept(stack_set, parameters.get("OperationId"), now)
    changed = (template.document, values) != (stack_set.template.document, stack_set.parameters)
    stack_set.template, stack_set.parameters = template, values
    stack_set.capabilities = tuple(parameters.get("Capabilities") or ())
    stack_set.description = parameters.get("Description") or stack_set.description
    stack_set.tags = stack_set.tags if parameters.get("Tags") is None else tags_of(parameters)
    if parameters.get("ManagedExecution") is not None:
        stack_set.managed_execution = bool(parameters["ManagedExecution"].get("Active"))
    if changed:
        mark_outdated(stack_set, set(present) - set(targets), now)
    return run(world, stack_set, _operation(call, stack_set, operation_id, "UPDATE", targets, now), {})


def _gives_template(parameters: Mapping[str, Any]) -> bool:
    return parameters.get("TemplateBody") is not None or parameters.get("TemplateURL") is not None


@answer("cloudformation", "CreateStackInstances")
def create_stack_instances(call: Call, world: World) -> Mapping[str, Any]:
    """Start creating stack instances; existing ones are deployed again."""
    stack_set, now = existing(call, world), world.now()
    targets = _targets(call)
    overrides = {target: _overrides(call, stack_set, target, now) for target in targets}
    operation_id = accept(stack_set, call.parameters.get("OperationId"), now)
    return run(world, stack_set, _operation(call, stack_set, operation_id, "CREATE", targets, now), overrides)


@answer("cloudformation", "UpdateStackInstances")
def update_stack_instances(call: Call, world: World) -> Mapping[str, Any]:
    """Start updating the overrides of existing stack instances; raise StackInstanceNotFoundException."""
    stack_set, now = existing(call, world), world.now()
    targets = _targets(call)
    _refuse_missing(existing(call, world.as_seen()), targets, now)
    overrides = {target: _overrides(call, stack_set, target, now) for target in targets}
    operation_id = accept(stack_set, call.parameters.get("OperationId"), now)
    return run(world, stack_set, _operation(call, stack_set, operation_id, "UPDATE", targets, now), overrides)


@answer("cloudformation", "DeleteStackInstances")
def delete_stack_instances(call: Call, world: World) -> Mapping[str, Any]:
    """Start deleting stack instances, their stacks too unless RetainStacks; missing ones are deleted already."""
    stack_set, now = existing(call, world), world.now()
    targets = [target for target in _targets(call) if stack_set.instance(target, now) is not None]
    operation_id = accept(stack_set, call.parameters.get("OperationId"), now)
    operation = _operation(call, stack_set, operation_id, "DELETE", targets, now)
    operation.retain_stacks = bool(call.parameters["RetainStacks"])
    return run(world, stack_set, operation, {})


def _operation(
    call: Call, stack_set: StackSet, operation_id: str, action: str, targets: list[Target], now: float
) -> Operation:
    preferences = call.parameters.get("OperationPreferences") or {}
    return Operation(operation_id, action, now, start_of(stack_set, targets, now), targets, preferences)


def _targets(call: Call) -> list[Target]:
    """Answer accounts times regions in the order in which AWS works: region by region."""
    parameters = call.parameters
    accounts = parameters.get("Accounts") or (parameters.get("DeploymentTargets") or {}).get("Accounts") or []
    if (parameters.get("DeploymentTargets") or {}).get("OrganizationalUnitIds"):
        raise invalid("StackSets with SELF_MANAGED permission model can't have OrganizationalUnits as targets")
    if not accounts or not parameters.get("Regions"):
        raise invalid("Accounts list and Regions list cannot be empty")
    preferences = parameters.get("OperationPreferences") or {}
    order = {region: number for number, region in enumerate(preferences.get("RegionOrder") or [])}
    regions = sorted(dict.fromkeys(parameters["Regions"]), key=lambda region: order.get(region, len(order)))
    return [(account_id, region) for region in regions for account_id in dict.fromkeys(accounts)]


def _refuse_missing(stack_set: StackSet, targets: list[Target], now: float) -> None:
    for target in targets:
        if stack_set.instance(target, now) is None:
            raise missing_instance(stack_set, target)


def _overrides(call: Call, stack_set: StackSet, target: Target, now: float) -> dict[str, str]:
    """Answer the instance's overrides after the call: an absent list keeps them, a list replaces them all."""
    instance, given = stack_set.instance(target, now), call.parameters.get("ParameterOverrides")
    former = dict(instance.overrides) if instance is not None else {}
    if given is None:
        return former
    refuse_unknown(stack_set.template, given)
    overrides = {item["ParameterKey"]: given_value(item, former) for item in given}
    for name, value in overrides.items():
        check_value(name, value, stack_set.template.parameters[name])
    return overrides
