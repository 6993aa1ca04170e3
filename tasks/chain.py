"""The order of the steps of each chain. It stands here and nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

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
    """One step of the chain: a plain function under the name that people read, and what must have worked before it.

    A step that fails for good does not stop later ones that do not need it: taking access away must never wait behind a
    broken stack. The replication then ends FAILED all the same, and shows every reason.
    """

    function: StepFunction
    needs: tuple[StepFunction, ...] = ()

    @property
    def name(self) -> str:
        """The function's own name."""
        return self.function.__name__


@dataclass(frozen=True)
class Chain:
    """Steps in their order."""

    name: str
    steps: tuple[Step, ...]

    def task(self, index: int) -> str:
        """Name a step's task in Celery and Flower.

        >>> REPLICATION.task(0)
        'replication.create_account'
        """
        return f"{self.name}.{self.steps[index].name}"

    def unreachable(self, failed: Iterable[str]) -> dict[str, str]:
        """Return the steps that cannot run any more after these have failed, each with the failed step that it needs.

        >>> REPLICATION.unreachable(["set_alias"])
        {'report': 'set_alias'}
        >>> list(REPLICATION.unreachable(["wait_for_access"]))
        ['set_alias', 'deploy_access_stack', 'deploy_stack_instances', 'report']
        """
        causes = {name: name for name in failed}
        for step in self.steps:
            broken = [causes[need.__name__] for need in step.needs if need.__name__ in causes]
            if broken and step.name not in causes:
                causes[step.name] = broken[0]
        return {name: cause for name, cause in causes.items() if name != cause}

    def after(self, index: int, failed: Iterable[str]) -> int | None:
        """Return the index of the step that follows; None: nothing is left to do.

        >>> [REPLICATION.after(index, failed) for index, failed in ((0, []), (6, ["deploy_access_stack"]), (10, []))]
        [1, 7, None]
        """
        lost = {*failed, *self.unreachable(failed)}
        return next((later for later in range(index + 1, len(self.steps)) if self.steps[later].name not in lost), None)


IN_ORDER: tuple[Step, ...] = (
    Step(create_account),
    Step(wait_for_account, needs=(create_account,)),
    Step(tag_account, needs=(wait_for_account,)),
    Step(move_to_ou, needs=(wait_for_account,)),
    Step(wait_for_access, needs=(wait_for_account,)),
    Step(set_alias, needs=(wait_for_access,)),
    # What deploys into the account, or lets people in, needs the guard rails of its OU.
    Step(deploy_access_stack, needs=(wait_for_access, move_to_ou)),
    Step(deploy_stack_instances, needs=(wait_for_access, move_to_ou)),
    Step(sync_groups, needs=(wait_for_account,)),
    Step(assign_permission_sets, needs=(sync_groups, move_to_ou)),
)
REPLICATION = Chain("replication", (*IN_ORDER, Step(report, needs=tuple(step.function for step in IN_ORDER))))
CHAINS: Mapping[str, Chain] = MappingProxyType({chain.name: chain for chain in (REPLICATION,)})
"""Every chain by its name, under which a replication's record names its own."""
