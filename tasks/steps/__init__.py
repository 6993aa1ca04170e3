"""The steps of a replication: one file each, named like its function. `tasks/chain.py` lists them in their order.

Open `move_to_ou.py` for a typical one. A step reads what AWS has, decides, writes the difference and answers Done or
Wait, or raises. It never sleeps, and running it again is always right. No step imports another.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from tasks.aws import Aws
from tasks.model.desired import Tenant
from tasks.model.handles import Handles
from tasks.model.replication import Done, Outcome
from tasks.step import Step

StepFunction = Callable[[Tenant, Handles, Aws], Outcome]


def function_of(step: Step) -> StepFunction:
    """Return what a step does; raises ImportError or AttributeError when no file here has its name."""
    function: StepFunction = getattr(import_module(f"{__name__}.{step.name}"), step.name)
    return function


def run_step(step: Step, tenant: Tenant, handles: Handles, aws: Aws) -> Outcome:
    """Run a step, or leave the management account as it is."""
    if step.members_only and handles.account_id == tenant.platform.management_account_id:
        return Done(handles, "nothing to do in the management account")
    return function_of(step)(tenant, handles, aws)
