"""The steps of a replication: one file each, named like its function. `tasks/chain.py` lists them in their order.

Open `move_to_ou.py` for a typical one. A step reads what AWS has, decides, writes the difference and answers Done or
Wait, or raises. It never sleeps, and running it again is always right. No step imports another.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module

from tasks.aws import Aws
from tasks.model.desired import Tenant
from tasks.model.handles import Handles
from tasks.model.replication import Done, Outcome
from tasks.step import Chain, Condition, Step

NOT_A_MEMBER = "nothing to do in the management account"
StepFunction = Callable[[Tenant, Handles, Aws], Outcome]


@cache
def function_of(step: Step) -> StepFunction:
    """Return what a step does; raises ImportError or AttributeError when no file here has its name."""
    function: StepFunction = getattr(import_module(f"{__name__}.{step.name}"), step.name)
    return function


def run_step(step: Step, tenant: Tenant, handles: Handles, aws: Aws) -> Outcome:
    """Run a step, or leave the management account as it is."""
    if _is_left_alone(step, tenant, handles):
        return Done(handles, NOT_A_MEMBER)
    return function_of(step)(tenant, handles, aws)


def with_nothing_to_do(chain: Chain, tenant: Tenant, handles: Handles) -> dict[str, str]:
    """Name the steps of a chain that have nothing to do, as far as that is known by now, each with the reason."""
    reasons = {step.name: _nothing_to_do(step, tenant, handles) for step in chain.steps}
    return {name: reason for name, reason in reasons.items() if reason is not None}


def _nothing_to_do(step: Step, tenant: Tenant, handles: Handles) -> str | None:
    if _is_left_alone(step, tenant, handles):
        return NOT_A_MEMBER
    condition: Condition | None = getattr(function_of(step), "nothing_to_do", None)
    return condition(tenant, handles) if condition else None


def _is_left_alone(step: Step, tenant: Tenant, handles: Handles) -> bool:
    return step.members_only and handles.account_id == tenant.platform.management_account_id
