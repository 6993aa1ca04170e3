"""The access role may do no more than the connector needs: last, when everything in the account is set up.

The order keeps the door open: the role's own policy was written by `prepare_access_role`, is read back here from AWS
just before anything is taken away, and only then AdministratorAccess is detached.
"""

from __future__ import annotations

from tasks.aws import Aws
from tasks.errors import TransientError
from tasks.model.desired import Tenant
from tasks.model.handles import Handles
from tasks.model.replication import Done, Outcome
from tasks.permissions.access_role import outdated, wanted_policies
from tasks.step import unless


def _nothing_to_do(tenant: Tenant, _: Handles) -> str | None:
    platform = tenant.platform
    return (
        None
        if platform.self_downgrade_access_role
        else f"{platform.account_access_role} keeps its permissions, as configured"
    )


@unless(_nothing_to_do)
def downgrade_access(tenant: Tenant, handles: Handles, aws: Aws) -> Outcome:
    """Take AdministratorAccess from the access role where the platform wants it, and where its own policy is there.

    Reads    iam:ListAttachedRolePolicies 1 call where selfDowngradeAccessRole is on; before the write
             iam:GetRolePolicy 1 or 2
    Writes   iam:DetachRolePolicy 0 or 1
    Returns  Done; never Wait
    Raises   TransientError when the role's own policy is not what it must be (the next try writes it again);
             AccessDenied (permanent); Throttled, Unanswered (transient)
    Source   docs.aws.amazon.com/IAM/latest/APIReference/API_DetachRolePolicy.html
    """
    name = tenant.platform.account_access_role
    role = aws.access_role(handles.known_account())
    if not role.is_administrator():
        return Done(handles, f"{name} has no AdministratorAccess")
    wanted = wanted_policies(tenant)
    lacking = outdated(wanted, role)
    if lacking:
        for policy in lacking:
            role.put_policy(policy, wanted[policy])
        raise TransientError(
            "AccessPolicyChanged", f"{name} keeps AdministratorAccess until AWS shows {', '.join(lacking)} as written"
        )
    role.detach_administrator()
    return Done(handles, f"{name} was reduced to what the connector needs")
