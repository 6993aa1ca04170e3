"""Everything that we have given in an account is taken back: it turns out to be another tenant's.

Only what proves to be ours goes: the people in our groups, the permission sets that our groups have there, the roles
that carry our tag. Nothing else of the account is touched.
"""

from __future__ import annotations

from tasks.aws import Aws
from tasks.model.desired import Tenant
from tasks.model.handles import Handles
from tasks.model.replication import Done, Outcome, Wait
from tasks.permissions.assignments import take_assignments_back
from tasks.permissions.federation import remove_own_roles
from tasks.permissions.groups import without_people
from tasks.permissions.withdrawal import Withdrawal


def take_back(tenant: Tenant, handles: Handles, aws: Aws) -> Outcome:
    """Take everybody out of our groups, and what our groups and roles have in the account.

    Reads, writes, raises   as withdraw_access in doubt, and sso:DescribeAccountAssignmentDeletionStatus 1 for each
                            assignment that is taken away
    Returns                 Done; Wait while AWS takes assignments away, and after a portion of many people
    """
    withdrawal = Withdrawal(without_people(tenant), handles, aws)
    withdrawal.take_people_out()
    withdrawal.recall()
    withdrawal.take_people_out()
    waiting = None
    with withdrawal.failures.collected():
        waiting, withdrawal.handles = take_assignments_back(withdrawal.tenant, withdrawal.handles, aws)
    with withdrawal.failures.collected():
        withdrawal.notes += remove_own_roles(tenant, withdrawal.handles, aws)
    outcome = withdrawal.outcome()
    if waiting is not None and isinstance(outcome, Done):
        return Wait(outcome.handles, waiting)
    return outcome
