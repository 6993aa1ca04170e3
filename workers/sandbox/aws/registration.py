"""What CloudFormation and Identity Center bring into a simulated world besides their operations.

Snapshots for the control API's state, and actions for its operators:

    set_stack_status          account, region, name, status, reason (optional)
    fail_stack                account, name (of a stack or StackSet), reason (null: succeed again)
    offer_template            url, body
    require_execution_role    required: StackSets look for their execution role in the account
    delegate_identity_center  account (null: nobody)
    pass_time                 seconds: put the clock forward, for everything that takes time
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workers.sandbox.aws import stack_set_state, stacks
from workers.sandbox.aws.directory import Directory

if TYPE_CHECKING:
    from workers.sandbox.aws.world import World


def register(world: World) -> None:
    """Add the snapshots and operator actions."""
    world.snapshots["cloudformation"] = stacks.snapshot
    world.snapshots["stack_sets"] = stack_set_state.snapshot
    world.actions["set_stack_status"] = stacks.set_stack_status
    world.actions["fail_stack"] = stacks.fail_stack
    world.actions["offer_template"] = stacks.offer_template
    world.actions["require_execution_role"] = stack_set_state.require_execution_role
    world.actions["delegate_identity_center"] = delegate_identity_center
    world.actions["pass_time"] = pass_time


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
