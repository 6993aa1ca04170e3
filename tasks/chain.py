"""The order of the steps of each chain. It stands here and nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from tasks.aws import Aws
from tasks.model import Done, Handles, Outcome, Tenant
from tasks.steps.assign_permission_sets import assign_permission_sets
from tasks.steps.attach_guard_rail import attach_guard_rail
from tasks.steps.await_approval import await_approval
from tasks.steps.close_account import close_account
from tasks.steps.create_account import create_account
from tasks.steps.delete_groups import delete_groups
from tasks.steps.deploy_access_stack import deploy_access_stack
from tasks.steps.deploy_stack_instances import deploy_stack_instances
from tasks.steps.downgrade_access import downgrade_access
from tasks.steps.enroll_in_control_tower import enroll_in_control_tower
from tasks.steps.federate_identity import federate_identity
from tasks.steps.invoke_lambda import invoke_lambda
from tasks.steps.locate_account import locate_account
from tasks.steps.move_to_ou import move_to_ou
from tasks.steps.prepare_access_role import prepare_access_role
from tasks.steps.quarantine_account import quarantine_account
from tasks.steps.report import report
from tasks.steps.report_deletion import report_deletion
from tasks.steps.revoke_access import revoke_access
from tasks.steps.set_alias import set_alias
from tasks.steps.sync_groups import sync_groups
from tasks.steps.tag_account import tag_account
from tasks.steps.wait_for_access import wait_for_access
from tasks.steps.wait_for_account import wait_for_account
from tasks.steps.wait_for_vending import wait_for_vending
from tasks.steps.withdraw_federation import withdraw_federation

StepFunction = Callable[[Tenant, Handles, Aws], Outcome]


@dataclass(frozen=True)
class Step:
    """One step of the chain: a plain function under the name that people read, and what must have worked before it.

    A step that fails for good does not stop later ones that do not need it: taking access away must never wait behind a
    broken stack. The replication then ends FAILED all the same, and shows every reason.
    """

    function: StepFunction
    needs: tuple[StepFunction, ...] = ()
    members_only: bool = True  # False: also for the management account, whose people get access and nothing else

    @property
    def name(self) -> str:
        """The function's own name."""
        return self.function.__name__

    def run(self, tenant: Tenant, handles: Handles, aws: Aws) -> Outcome:
        """Run the step, or leave the management account as it is."""
        if self.members_only and handles.account_id == tenant.platform.management_account_id:
            return Done(handles, "nothing to do in the management account")
        return self.function(tenant, handles, aws)


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

        >>> DELETION.unreachable(["revoke_access"])
        {'report_deletion': 'revoke_access'}
        >>> list(DELETION.unreachable(["await_approval"]))
        ['delete_groups', 'quarantine_account', 'close_account', 'report_deletion']
        """
        causes = {name: name for name in failed}
        for step in self.steps:
            broken = [causes[need.__name__] for need in step.needs if need.__name__ in causes]
            if broken and step.name not in causes:
                causes[step.name] = broken[0]
        return {name: cause for name, cause in causes.items() if name != cause}

    def after(self, index: int, failed: Iterable[str]) -> int | None:
        """Return the index of the step that follows; None: nothing is left to do.

        >>> DELETION.after(0, []), DELETION.after(4, ["delete_groups"]), DELETION.after(3, ["await_approval"])
        (1, 5, None)
        """
        lost = {*failed, *self.unreachable(failed)}
        return next((later for later in range(index + 1, len(self.steps)) if self.steps[later].name not in lost), None)


REPLICATING: tuple[Step, ...] = (
    Step(create_account, members_only=False),
    Step(wait_for_account, needs=(create_account,), members_only=False),
    Step(tag_account, needs=(wait_for_account,), members_only=False),
    Step(move_to_ou, needs=(wait_for_account,)),
    Step(attach_guard_rail, needs=(move_to_ou,)),
    Step(wait_for_access, needs=(wait_for_account,)),
    Step(prepare_access_role, needs=(wait_for_access,)),
    Step(set_alias, needs=(wait_for_access,)),
    Step(enroll_in_control_tower, needs=(prepare_access_role,)),
    # What deploys into the account, or lets people in, needs the guard rails of its OU.
    Step(deploy_access_stack, needs=(prepare_access_role, attach_guard_rail, enroll_in_control_tower)),
    Step(deploy_stack_instances, needs=(wait_for_access, attach_guard_rail, enroll_in_control_tower)),
    # It is told of the account at the end of its set-up, and may start the vending machine that is then waited for.
    Step(invoke_lambda, needs=(deploy_access_stack, deploy_stack_instances)),
    # Before the wait: nobody keeps access for as long as a vending machine works, and nobody new is let in by a group.
    Step(sync_groups, needs=(wait_for_account,), members_only=False),
    Step(wait_for_vending, needs=(wait_for_account,)),
    Step(federate_identity, needs=(prepare_access_role, attach_guard_rail, enroll_in_control_tower, wait_for_vending)),
    Step(
        assign_permission_sets,
        needs=(sync_groups, attach_guard_rail, enroll_in_control_tower, wait_for_vending),
        members_only=False,
    ),
    Step(downgrade_access, needs=(prepare_access_role, deploy_access_stack)),
)
REPORTING = Step(report, needs=tuple(step.function for step in REPLICATING), members_only=False)
REPLICATION = Chain("replication", (*REPLICATING, REPORTING))

# Access is off from the request on; whatever costs data waits for the approval. A group that cannot be deleted never
# keeps an account open.
DELETING: tuple[Step, ...] = (
    Step(locate_account, members_only=False),
    Step(revoke_access, members_only=False),
    Step(withdraw_federation, needs=(locate_account,)),
    Step(await_approval, members_only=False),
    Step(delete_groups, needs=(locate_account, await_approval), members_only=False),
    Step(quarantine_account, needs=(locate_account, await_approval)),
    Step(close_account, needs=(locate_account, await_approval, quarantine_account)),
)
DELETED = Step(report_deletion, needs=tuple(step.function for step in DELETING), members_only=False)
DELETION = Chain("deletion", (*DELETING, DELETED))

CHAINS: Mapping[str, Chain] = MappingProxyType({chain.name: chain for chain in (REPLICATION, DELETION)})
"""Every chain by its name, under which a replication's record names its own."""
