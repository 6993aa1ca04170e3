"""The order of the steps of each chain. It stands here and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from tasks.step import Chain, Step

AWAIT_APPROVAL = "await_approval"  # the step of a deletion that waits for a person

REPLICATING: tuple[Step, ...] = (
    # What the newest order does not give any more goes first, whatever the tenant waits for and whatever else fails.
    Step("withdraw_access", members_only=False, needs_landing_zone=False, always=True),
    Step("create_account", members_only=False),
    Step("wait_for_account", needs=("create_account",), members_only=False),
    # It proves whose the account is: nothing is changed in one of which that is not known in this replication.
    Step("tag_account", needs=("wait_for_account",), members_only=False, always=True),
    Step("recall_access", needs=("tag_account",), members_only=False, needs_landing_zone=False),
    Step("move_to_ou", needs=("tag_account",)),
    Step("attach_guard_rail", needs=("move_to_ou",)),
    Step("wait_for_access", needs=("tag_account",)),
    Step("prepare_access_role", needs=("wait_for_access",)),
    Step("set_alias", needs=("wait_for_access",)),
    Step("enroll_in_control_tower", needs=("prepare_access_role",)),
    # What deploys into the account, or lets people in, needs the guard rails of its OU.
    Step("deploy_access_stack", needs=("prepare_access_role", "attach_guard_rail", "enroll_in_control_tower")),
    Step("deploy_stack_instances", needs=("wait_for_access", "attach_guard_rail", "enroll_in_control_tower")),
    # It is told of the account at the end of its setup, and may start the vending machine that is then waited for.
    Step("invoke_lambda", needs=("deploy_access_stack", "deploy_stack_instances")),
    # Before the wait: nobody keeps access for as long as a vending machine works, and nobody new is let in by a group.
    Step("sync_groups", needs=("tag_account",), members_only=False),
    Step("wait_for_vending", needs=("tag_account",)),
    Step(
        "federate_identity",
        needs=("prepare_access_role", "attach_guard_rail", "enroll_in_control_tower", "wait_for_vending"),
    ),
    Step(
        "assign_permission_sets",
        needs=("sync_groups", "attach_guard_rail", "enroll_in_control_tower", "wait_for_vending"),
        members_only=False,
    ),
    Step("downgrade_access", needs=("prepare_access_role", "deploy_access_stack")),
    Step("settle_doubt", needs=("recall_access",), members_only=False),
)
REPORTING = Step("report", needs=tuple(step.name for step in REPLICATING), members_only=False)
REPLICATION = Chain("replication", (*REPLICATING, REPORTING))

# Access is off from the request on, before anybody knows which account it is; whatever costs data waits for the
# approval. A group that cannot be deleted never keeps an account open.
DELETING: tuple[Step, ...] = (
    Step("revoke_access", members_only=False, needs_landing_zone=False, always=True),
    Step("locate_account", members_only=False, needs_landing_zone=False),
    Step("recall_access", needs=("locate_account",), members_only=False, needs_landing_zone=False),
    Step("withdraw_federation", needs=("locate_account",), needs_landing_zone=False),
    Step(AWAIT_APPROVAL, members_only=False, needs_landing_zone=False),
    Step("delete_groups", needs=("locate_account", AWAIT_APPROVAL), members_only=False, needs_landing_zone=False),
    Step("quarantine_account", needs=("locate_account", AWAIT_APPROVAL)),
    Step("close_account", needs=("locate_account", AWAIT_APPROVAL, "quarantine_account")),
)
DELETED = Step("report_deletion", needs=tuple(step.name for step in DELETING), members_only=False)
DELETION = Chain("deletion", (*DELETING, DELETED))

CHAINS: Mapping[str, Chain] = MappingProxyType({chain.name: chain for chain in (REPLICATION, DELETION)})
"""Every chain by its name, under which a replication's record names its own."""
