"""The tenant's groups and their permission sets are gone."""

from __future__ import annotations

from tasks.aws import Aws
from tasks.model.desired import Tenant
from tasks.model.handles import Handles
from tasks.model.replication import Done, Outcome
from tasks.permissions.groups import without_people
from tasks.steps.assign_permission_sets import assign_permission_sets


def delete_groups(tenant: Tenant, handles: Handles, aws: Aws) -> Outcome:
    """Delete the account assignments of the tenant's groups, then the groups.

    Reads, writes, raises   as assign_permission_sets for a tenant without people
    Returns                 Wait while AWS works on assignments; Done without a call where the platform keeps groups
                            (skipUserGroupPermissionCleanup) or there is no account
    """
    if tenant.platform.skip_user_group_permission_cleanup:
        return Done(handles, "groups and their permission sets stay: skipUserGroupPermissionCleanup")
    if handles.account_id is None:
        return Done(handles, "the tenant has no account, so its groups have no permission sets")
    return assign_permission_sets(without_people(tenant), handles, aws)
