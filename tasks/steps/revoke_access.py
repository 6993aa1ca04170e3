"""Nobody gets into the account any more: from the request to delete a tenant on, before anybody approves it."""

from __future__ import annotations

from tasks.aws import Aws
from tasks.model.desired import Tenant
from tasks.model.handles import Handles
from tasks.model.replication import Done, Outcome
from tasks.permissions.groups import without_people
from tasks.steps.sync_groups import sync_groups


def revoke_access(tenant: Tenant, handles: Handles, aws: Aws) -> Outcome:
    """Take everybody out of the tenant's groups; the groups and their permission sets stay until the approval.

    Reads, writes, raises   as sync_groups for a tenant without people
    Returns                 as sync_groups; Done without a call where the platform keeps groups
                            (skipUserGroupPermissionCleanup)
    """
    if tenant.platform.skip_user_group_permission_cleanup:
        return Done(handles, "groups and their members stay: skipUserGroupPermissionCleanup")
    return sync_groups(without_people(tenant), handles, aws)
