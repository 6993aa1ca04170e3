"""The order of a replication. It stands here and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tasks.aws import Aws
from tasks.model import Handles, Outcome, Tenant
from tasks.steps.assign_permission_sets import assign_permission_sets
from tasks.steps.create_account import create_account
from tasks.steps.deploy_access_stack import deploy_access_stack
from tasks.steps.deploy_stack_instances import deploy_stack_instances
from tasks.steps.move_to_ou import move_to_ou
from tasks.steps.report import report
from tasks.steps.set_alias import set_alias
from tasks.steps.sync_groups import sync_groups
from tasks.steps.tag_account import tag_account
from tasks.steps.wait_for_access import wait_for_access
from tasks.steps.wait_for_account import wait_for_account

StepFunction = Callable[[Tenant, Handles, Aws], Outcome]


@dataclass(frozen=True)
class Step:
    """One step of the chain: a plain function under the name that people read."""

    function: StepFunction

    @property
    def name(self) -> str:
        """The function's own name; `replication.<name>` in Celery and Flower."""
        return self.function.__name__


REPLICATION: tuple[Step, ...] = tuple(
    Step(function)
    for function in (
        create_account,
        wait_for_account,
        tag_account,
        move_to_ou,
        wait_for_access,
        set_alias,
        deploy_access_stack,
        deploy_stack_instances,
        sync_groups,
        assign_permission_sets,
        report,
    )
)
