"""Each group has its permission sets in the tenant's account, and groups without use are gone.

What nothing replaces goes first. What is replaced goes last: assignments are created and seen to succeed, then those
of the same AWS role that are wanted no more are deleted, then the groups that have no use any more.

AWS finishes an assignment after its call, so every request is written down (ahead of the call, then with its id) and
polled. AWS documents one role update at a time per account, but takes different permission sets side by side where it
can; so all that are missing are started, and a ConflictException means that the rest goes on when these have ended.
While something of ours is in flight a full lane makes us poll and not sleep: a tenant that slept on places which AWS
has long finished would keep them from the others.

When AWS says of all that were missing that they were made, the list of assignments tells nothing new and is not asked
for again: Identity Center's 20 calls a second are what limits a fleet. It is asked for at the next replication.

Nothing is assigned to a group, and none is deleted, before it has proven to be this tenant's and this role's. A group
that AWS made for us a moment ago, and that was given nothing yet, is proven by its id and has no assignments.

An assignment that fails does not keep the others from being made; the step fails when nothing is in flight any more.
Deleting assignments needs two permissions that the published policy lists as optional. Without them a group without
use is deleted all the same, which ends its access; a group in use cannot lose a permission set, and that is an error.
"""

from __future__ import annotations

from tasks.aws import Aws
from tasks.model.desired import Tenant
from tasks.model.handles import Handles
from tasks.model.replication import Done, Outcome, Wait
from tasks.permissions.assignment_plan import difference
from tasks.permissions.assignments import Work
from tasks.permissions.groups import mapped_roles


def assign_permission_sets(tenant: Tenant, handles: Handles, aws: Aws) -> Outcome:
    """Make the account assignments of the tenant's groups match the role mapping, then delete outdated groups.

    Reads    sso:ListAccountAssignments 1 per permission set, none while all groups are new, nor when AWS has just made
             all that was missing;
             DescribeAccountAssignmentCreationStatus or …DeletionStatus 1 per request in flight;
             identitystore:DescribeGroup (or scim:GetGroup) 1 per group that is deleted, or assigned something and not
             new
    Writes   sso:CreateAccountAssignment, DeleteAccountAssignment 1 per difference; identitystore:DeleteGroup 1 per
             outdated group (or scim:DeleteGroup)
    Returns  Wait while AWS works on assignments
    Raises   LaneFull, Throttled, Unanswered (transient); PermanentError with AWS's reasons when assignments failed,
             NotOurs for a group that is not ours any more
    Source   docs.aws.amazon.com/singlesignon/latest/APIReference/API_CreateAccountAssignment.html
    """
    store = tenant.platform.identity_center
    if store is None:
        return Done(handles, "the platform has no Identity Center")
    work = Work(tenant, aws, store, mapped_roles(tenant), handles)
    waiting = work.poll()
    if waiting is None and not work.complete:
        actual = work.actual()
        plan = difference(work.wanted(), actual, work.ours())
        work.plan = None if plan.delete or plan.withdraw else work.digest(plan.create)
        work.settle(plan.create)
        withdrawing = work.delete(plan.withdraw)
        waiting = work.create(plan.create, actual) or withdrawing or work.delete(plan.delete)
    if waiting is not None:
        return Wait(work.handles, waiting, since=work.since())
    work.delete_groups()
    work.finish()
    return Done(work.handles, work.note())
