"""First of all: what the newest order does not give any more is taken away.

Nothing comes before it, and it needs nothing but the groups and roles that are ours: no wait, no other step, no landing
zone document. It asks AWS only where somebody may have access who should not; that everything else is right, drift by
hand included, the steps that give access see later. Where Redis was lost or restored it is in doubt who has access:
then what is remembered goes first, and AWS is asked for the rest.
"""

from __future__ import annotations

from dataclasses import replace

from tasks.aws import Aws
from tasks.model.desired import Tenant
from tasks.model.handles import Handles
from tasks.model.replication import Outcome
from tasks.permissions.withdrawal import Withdrawal


def withdraw_access(tenant: Tenant, handles: Handles, aws: Aws) -> Outcome:
    """Take away what nobody orders any more: people in groups, permission sets of groups, roles and their policies.

    Reads    nothing where all who may have access are to have it. Else identitystore:ListGroupMemberships 1 per 100
             members of a group (or scim:ListUsers), GetGroupId 1 for a group whose id is not known, GetUserId 1 for
             each who is to stay where a group has members whom we do not know, DescribeGroup (or scim:GetGroup) 1 for
             a group that loses somebody; iam:GetRole 1, ListAttachedRolePolicies 1 for each role for federation that
             may have a policy too many, or of which nobody knows. In doubt also GetGroupId 1 for each mapped role, and
             once the account is known sso:ListPermissionSetsProvisionedToAccount 1, ListAccountAssignments 1 for each
             permission set, DescribeGroup 1 for each group that has one and is not known, iam:ListRoles 1 for 100 roles
    Writes   identitystore:DeleteGroupMembership 1 for each person (or scim:PatchGroup 1 per 100);
             sso:DeleteAccountAssignment 1 each, not waited for here; iam:DetachRolePolicy 1 for each policy;
             DeleteRole, UpdateAssumeRolePolicy for each role
    Returns  Done; Wait, to go on at once, after a portion of many people
    Raises   what AWS refuses (permanent) after everybody else is out; NotReady while AWS does not show yet who was put
             in, or what a role was given, a moment ago; Throttled, Unanswered (transient)
    """
    withdrawal = Withdrawal(tenant, handles, aws)
    withdrawal.take_away()
    doubt = withdrawal.handles.doubt
    if doubt is not None:
        noted = replace(doubt, since=doubt.since or aws.now())
        withdrawal.handles = replace(withdrawal.handles, doubt=noted)
        withdrawal.recall()
        withdrawal.take_away()
    return withdrawal.outcome()
