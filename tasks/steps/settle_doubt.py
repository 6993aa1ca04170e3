"""A doubt ends here: all is read once more, when AWS must show everything that it was asked before the doubt began.

What was asked of AWS in the moment before Redis was lost may be done, or shown, only after the first look: people who
are put into a group, and above all account assignments, on which AWS works after the call. So a replication in doubt
does not end before that time is over.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from tasks.aws import Aws
from tasks.model.desired import Tenant
from tasks.model.handles import Doubt, Handles
from tasks.model.replication import Done, Outcome, Wait
from tasks.permissions.assignments import follow_withdrawal
from tasks.permissions.withdrawal import Withdrawal
from tasks.step import unless


def _nothing_to_do(_: Tenant, handles: Handles) -> str | None:
    return "nothing to check again" if handles.doubt is None else None


@unless(_nothing_to_do)
def settle_doubt(tenant: Tenant, handles: Handles, aws: Aws) -> Outcome:
    """Read the account, our groups and roles once more, take away what no order gives, and end the doubt.

    Reads, writes, raises   as withdraw_access in doubt, and sso:DescribeAccountAssignmentDeletionStatus 1 for each
                            assignment that is taken away; no call if nothing is in doubt
    Returns                 Wait until AWS must show what it was asked before the doubt began, and while it takes
                            assignments away
    """
    doubt = handles.doubt or Doubt()
    since = doubt.since or aws.now()
    left = since + aws.visibility_grace - aws.now()
    if left > timedelta():
        noted = replace(handles, doubt=replace(doubt, since=since))
        return Wait(noted, "AWS may not show earlier changes yet; checking again", left)
    waiting, handles = follow_withdrawal(tenant, handles, aws)
    if waiting is not None:
        return Wait(handles, waiting)
    withdrawal = Withdrawal(tenant, handles, aws, whole=True)
    withdrawal.recall()
    withdrawal.take_away()
    outcome = withdrawal.outcome()
    if isinstance(outcome, Wait):
        return outcome
    if any(each.request_id for each in outcome.handles.pending_assignments):
        return Wait(outcome.handles, outcome.note)
    return Done(replace(outcome.handles, doubt=None), outcome.note)
