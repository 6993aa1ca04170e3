"""What the runner says to people: names of steps, and sentences for a team that knows nothing of AWS."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from tasks.model.replication import LastError, StepState

LONGEST = 500  # characters of a message in meshStack
PREPARE = "prepare"
PREPARE_NAME = "Read the order"

STEP_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "withdraw_access": "Remove access that is no longer ordered",
        "create_account": "Request the AWS account",
        "wait_for_account": "Wait for the AWS account",
        "tag_account": "Tag the account",
        "recall_access": "Check access that was given earlier",
        "move_to_ou": "Move the account to its organizational unit",
        "attach_guard_rail": "Attach the guard rails",
        "wait_for_access": "Wait for access to the account",
        "prepare_access_role": "Prepare the access role",
        "set_alias": "Set the account's alias",
        "enroll_in_control_tower": "Enroll the account in Control Tower",
        "deploy_access_stack": "Deploy the access stack",
        "deploy_stack_instances": "Deploy the landing zone",
        "invoke_lambda": "Run the landing zone's function",
        "sync_groups": "Set up groups and their members",
        "wait_for_vending": "Wait for the account vending machine",
        "federate_identity": "Set up sign-in to the account",
        "assign_permission_sets": "Give the groups access",
        "downgrade_access": "Reduce the access role",
        "settle_doubt": "Check once more access that was given earlier",
        "report": "Report the account",
        "revoke_access": "Remove all access",
        "locate_account": "Find the account",
        "withdraw_federation": "Remove sign-in to the account",
        "await_approval": "Wait for the approval",
        "delete_groups": "Delete the groups",
        "quarantine_account": "Move the account to quarantine",
        "close_account": "Close the account",
        "report_deletion": "Report the deletion",
    }
)
"""Every step of a chain, as people call it."""

WAITS_FOR_APPROVAL = (
    "Nobody has access any more. The account is kept until your platform team has approved the deletion; nothing needs "
    "to be done here."
)
NOT_DONE = "Not done, because an earlier step failed."
NOTHING_TO_DO = "No change was needed."
NOT_SHOWN = "The result cannot be shown here."
STOPPED = "Stopped: the run was aborted. What was done until then stays as it is."
TRIED_AGAIN = "AWS could not do this yet. The connector retries automatically."
FAILED = "This could not be done. Your platform team sees the reason, and what to do, in the operators' message."
LIMITED = "Waits for its turn, because AWS does only a few of these at a time"
PAUSED = "Paused by an operator. It continues when the pause ends."
QUEUED = "The order is stored and waits for a worker."


def step_name(step: str) -> str:
    """Return what people call a step; an unknown one, which no version of ours has, is called as it is."""
    return STEP_NAMES.get(step, step)


def operators_message(step: StepState) -> str | None:
    """Say all that is known of a step: what it notes, or AWS's code, request id and what to do."""
    error = step.last_error
    return fitting(step.note or "") or None if error is None else error_message(error)


def error_message(error: LastError) -> str:
    """Name an error with its request id and remedy, which stay when the message is too long."""
    tail = f" What to do: {error.remedy}"
    if error.request_id:
        tail = f" (AWS request id {error.request_id}).{tail}"
    tail = tail if len(tail) < LONGEST - 100 else fitting(tail, LONGEST - 100)
    return fitting(f"{error.code}: {error.message}", LONGEST - len(tail)) + tail


def fitting(text: str, most: int = LONGEST) -> str:
    """Cut a text to so many characters.

    >>> fitting("a long story", 8)
    'a long …'
    """
    return text if len(text) <= most else f"{text[: most - 1]}…"
