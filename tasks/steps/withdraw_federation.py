"""Nobody signs in to the account by federation any more: from the request to delete a tenant on."""

from __future__ import annotations

from tasks.accounts.lookup import CLOSED
from tasks.aws import Aws
from tasks.errors import AccessDenied, NotReady
from tasks.model.desired import Tenant
from tasks.model.handles import Handles
from tasks.model.replication import Done, Outcome
from tasks.permissions.federation import remove_federation
from tasks.step import unless


def _nothing_to_do(tenant: Tenant, handles: Handles) -> str | None:
    platform = tenant.platform
    if handles.account_id is None or (platform.identity_federation is None and not handles.sign_in_roles):
        return "there is no identity federation to remove"
    skipped = platform.skip_user_group_permission_cleanup
    return "federation roles stay: skipUserGroupPermissionCleanup" if skipped else None


@unless(_nothing_to_do)
def withdraw_federation(tenant: Tenant, handles: Handles, aws: Aws) -> Outcome:
    """Remove the roles that we made for federation, and our statement from the trust policies of others.

    Reads    iam:GetRole 1 per role, ListAttachedRolePolicies 1 per role of ours; ListRoles 1 for 100 roles when we
             remember none; organizations:DescribeAccount 1 call when the account does not let us in
    Writes   iam:DetachRolePolicy, DeleteRole, UpdateAssumeRolePolicy, 1 for each difference; DeleteRolePolicy (and
             ListRolePolicies) for policies that people have put on a role of ours
    Returns  Done; also without a call where there is no account or no federation, or where the platform keeps access
             (skipUserGroupPermissionCleanup), and where the account is closed already
    Raises   Conflict for a role that cannot be deleted, AccessDenied (permanent); Throttled, Unanswered (transient)
    Source   docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteRole.html
    """
    account_id = handles.known_account()
    try:
        return remove_federation(tenant, handles, aws)
    except (AccessDenied, NotReady):
        if aws.organizations.account(account_id).state not in CLOSED:
            raise
        return Done(handles, f"account {account_id} is closed")
