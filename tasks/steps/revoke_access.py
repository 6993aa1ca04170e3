"""Nobody gets into the account any more: from the request to delete a tenant on, before anybody approves it."""

from __future__ import annotations

from tasks.aws import Aws
from tasks.model.desired import Tenant
from tasks.model.handles import Handles
from tasks.model.replication import Done, Outcome
from tasks.permissions.groups import without_people
from tasks.permissions.withdrawal import Withdrawal
from tasks.steps.sync_groups import sync_groups


def revoke_access(tenant: Tenant, handles: Handles, aws: Aws) -> Outcome:
    """Take everybody out of the tenant's groups; the groups and their permission sets stay until the approval.

    Whom we have put in goes first, as with any order: AWS may not list them yet, and the groups may have no name any
    more that the platform's pattern can form. Then whoever else is in the groups.

    Reads, writes, raises   as withdraw_access for people, then as sync_groups, for a tenant without people
    Returns                 as these; Done without a call where the platform keeps groups
                            (skipUserGroupPermissionCleanup)
    """
    if tenant.platform.skip_user_group_permission_cleanup:
        return Done(handles, "groups and their members stay: skipUserGroupPermissionCleanup")
    nobody = without_people(tenant)
    withdrawal = Withdrawal(nobody, handles, aws)
    withdrawal.take_people_out()
    outcome = withdrawal.outcome()
    return sync_groups(nobody, outcome.handles, aws) if isinstance(outcome, Done) else outcome
