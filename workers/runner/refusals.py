"""How runs end that cannot be carried out, or not shown: each with a sentence for the team and one for operators."""

from __future__ import annotations

from tasks.chain import DELETION, REPLICATION
from tasks.step import Chain
from workers.runner import report, words
from workers.runner.inputs import CALL, BadRun
from workers.runner.record import Behavior, Final, RunRecord, Status, Wanted

AGAIN = "Please start a new dry run and have it approved."


def refused(record: RunRecord, bad: BadRun) -> Final:
    """Make the last report of a run that cannot be carried out."""
    prepared = report.prepared(Status.FAILED, bad.user, bad.system)
    return Final(
        status=Status.FAILED, steps=report.stopped((prepared, *report.initial(chain_of(record))[1:]), Status.FAILED, "")
    )


def chain_of(record: RunRecord) -> Chain:
    """Return the chain that a run shows."""
    return DELETION if record.behavior == Behavior.DESTROY else REPLICATION


def replaced(number: int) -> tuple[str, str]:
    """Say that a newer run counts: for the team, and for operators."""
    return (
        "A newer run of this building block has replaced this one. You need not do anything.",
        f"Run {number} of this building block is newer, and the newest order counts.",
    )


def of_another(wanted: Wanted, owner: str) -> tuple[str, str]:
    """Say that the tenant is another one by now, although it has the name."""
    ours = (
        f"{wanted.tenant} was ordered last by the tenant {owner} in meshStack, and this run is of {wanted.tenant_uuid}."
    )
    return (
        f"A tenant of the same name was ordered in the meantime, so nothing was removed. {CALL}",
        f"{ours} Purge this building block, or delete the other tenant.",
    )


def no_plan(why: str) -> tuple[str, str]:
    """Say why an approved plan cannot be carried out."""
    return (
        f"The approved plan differs from what would be done now, so nothing was done. {AGAIN}",
        f"The approved plan cannot be carried out: {why}. {AGAIN}",
    )


def not_shown(record: RunRecord, refusal: str) -> Final:
    """Make the last report of a run of which meshStack refuses what happened."""
    tenant = "TENANT" if record.wanted is None else str(record.wanted.tenant)
    what = f"meshStack refuses the connector's report ({refusal}). 'aws-connector why {tenant}' shows its state."
    prepared = report.prepared(Status.FAILED, f"What was done cannot be shown here. {CALL}", what)
    known = tuple(step for step in record.reported.values() if step.id != prepared.id)
    return Final(status=Status.FAILED, steps=(prepared, *report.stopped(known, Status.FAILED, words.NOT_SHOWN)))
