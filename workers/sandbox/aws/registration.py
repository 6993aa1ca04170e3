"""What CloudFormation, Identity Center and Control Tower bring into a simulated world besides their operations.

Snapshots for the control API's state, and actions for its operators:

    offer_function            name, account, answer, failure, seconds, state, timeout (all but the name optional)
    set_stack_status          account, region, name, status, reason (optional)
    fail_stack                account, name (of a stack or StackSet), reason (null: succeed again)
    offer_template            url, body
    require_execution_role    required: StackSets look for their execution role in the account
    delegate_identity_center  account (null: nobody)
    change_control_policy     name, content, description, detach_from: a service control policy, made if need be
    enable_control_policies   enabled
    pass_time                 seconds: put the clock forward, for everything that takes time
    register_ou               unit: Control Tower governs it
    name_in_manifest          account, part: the account becomes one of Control Tower's own
    fail_enrollment           account, reason, times (default 1)
    catalog_access            principal, allowed: to the account factory's portfolio
    enrolled_before           account, unit, name: somebody enrolled the account long ago
    put_secret, put_parameter  name, text, account (optional)
    set_costs, add_cost       what accounts cost, see cost_book.py
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workers.sandbox.aws import (
    control_policies,
    control_tower,
    cost_book,
    iam_roles,
    iam_saml,
    lambda_functions,
    secret_stores,
    service_catalog_state,
    stack_set_state,
    stacks,
)
from workers.sandbox.aws.directory import Directory

if TYPE_CHECKING:
    from workers.sandbox.aws.world import World


def register(world: World) -> None:
    """Add the snapshots and operator actions."""
    world.snapshots["cloudformation"] = stacks.snapshot
    world.snapshots["lambda"] = lambda_functions.snapshot
    world.actions["offer_function"] = lambda_functions.offer_function
    world.snapshots["federated_roles"] = iam_roles.snapshot
    world.snapshots["saml_providers"] = iam_saml.snapshot
    world.snapshots["stack_sets"] = stack_set_state.snapshot
    world.actions["set_stack_status"] = stacks.set_stack_status
    world.actions["fail_stack"] = stacks.fail_stack
    world.actions["offer_template"] = stacks.offer_template
    world.actions["require_execution_role"] = stack_set_state.require_execution_role
    world.actions["delegate_identity_center"] = delegate_identity_center
    world.actions["pass_time"] = pass_time
    world.snapshots["control_policies"] = control_policies.snapshot
    world.actions["change_control_policy"] = control_policies.change_policy
    world.actions["enable_control_policies"] = control_policies.enable_control_policies
    world.snapshots["control_tower"] = control_tower.snapshot
    world.snapshots["cost_explorer"] = cost_book.snapshot
    world.snapshots["service_catalog"] = service_catalog_state.snapshot
    for action in (
        control_tower.register_ou,
        control_tower.name_in_manifest,
        service_catalog_state.fail_enrollment,
        service_catalog_state.catalog_access,
        service_catalog_state.enrolled_before,
        secret_stores.put_secret,
        secret_stores.put_parameter,
        cost_book.set_costs,
        cost_book.add_cost,
    ):
        world.actions[action.__name__] = action


def delegate_identity_center(world: World, body: Mapping[str, Any]) -> dict[str, Any]:
    """Operator action: name the delegated administrator of Identity Center. Body: account (null: nobody)."""
    world.state(Directory).delegated_administrator = body["account"]
    return {"delegated_administrator": body["account"]}


def pass_time(world: World, body: Mapping[str, Any]) -> dict[str, Any]:
    """Operator action: put the clock forward; sessions grow older too. Body: seconds, not negative."""
    seconds, clock = float(body["seconds"]), world.clock
    if seconds < 0:
        raise ValueError("time does not go back")
    world.clock = lambda: clock() + seconds
    world.settle()
    return {"now": world.now()}
