"""Deleting a tenant needs a person's word, unless its landing zone says otherwise."""

from __future__ import annotations

from datetime import timedelta

from tasks.aws import Aws
from tasks.model.desired import Tenant
from tasks.model.handles import Handles
from tasks.model.replication import Done, Outcome, Wait, WaitsFor

LOOK_AGAIN = timedelta(days=1)  # whoever approves wakes the replication; this is for a wake-up that was lost


def await_approval(tenant: Tenant, handles: Handles, aws: Aws) -> Outcome:  # noqa: ARG001 (every step has this signature)
    """Go on when the deletion is approved: by the landing zone (automateDeletionApproval) or by a person.

    Reads    nothing
    Writes   nothing
    Returns  Wait until somebody approves; declining ends the deletion
    """
    if tenant.landing_zone.automate_deletion_approval:
        return Done(handles, f"landing zone {tenant.landing_zone.name} needs no approval for deletions")
    deletion = tenant.deletion
    if deletion is not None and deletion.approved_at is not None:
        return Done(handles, f"approved by {deletion.approved_by or 'an operator'} at {deletion.approved_at:%F %R} UTC")
    return Wait(
        handles,
        f"requires approval: aws-connector approve {tenant.id} (or decline)",
        LOOK_AGAIN,
        waits_for=WaitsFor.PERSON,
    )
