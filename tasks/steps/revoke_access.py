"""Nobody gets into the account any more: from the request to delete a tenant on, before anybody approves it."""

from __future__ import annotations

from tasks.aws import Aws
from tasks.errors import NotReady
from tasks.model.desired import Tenant
from tasks.model.handles import Handles
from tasks.model.replication import Done, Outcome
from tasks.permissions.collected_failures import Failures
from tasks.permissions.federation import remove_federation
from tasks.permissions.groups import without_people
from tasks.permissions.withdrawal import Withdrawal
from tasks.steps.sync_groups import sync_groups


def revoke_access(tenant: Tenant, handles: Handles, aws: Aws) -> Outcome:
    """Take everybody out of the tenant's groups, and remove the roles by which people sign in.

    The groups and their permission sets stay until the approval. Whom we have put in goes first, as with any order: AWS
    may not list them yet, and the groups may have no name any more that the platform's pattern can form. In doubt also
    who is in a group that the tenant may have by any landing zone. Then the roles for federation that we remember, then
    whoever else is in the groups.

    Reads, writes, raises   as withdraw_access for people, as sync_groups for a tenant without people; for roles as
                            withdraw_federation, which comes again and raises what is refused here
    Returns                 as these; Done without a call where the platform keeps groups
                            (skipUserGroupPermissionCleanup)
    """
    if tenant.platform.skip_user_group_permission_cleanup:
        return Done(handles, "groups and their members stay: skipUserGroupPermissionCleanup")
    nobody = without_people(tenant)
    withdrawal = Withdrawal(nobody, handles, aws)
    withdrawal.take_people_out()
    if handles.doubt is not None:
        withdrawal.recall_groups()
        withdrawal.take_people_out()
    roles = Failures()
    with roles.collected():
        withdrawal.handles = _without_roles(tenant, withdrawal.handles, aws)
    outcome = withdrawal.outcome()
    if isinstance(outcome, Done):
        outcome = sync_groups(nobody, outcome.handles, aws)
    if isinstance(outcome, Done) and roles.transient is not None:
        aws.remember(outcome.handles)
        raise roles.transient  # what is refused for good withdraw_federation tells, which knows the account
    return outcome


def _without_roles(tenant: Tenant, handles: Handles, aws: Aws) -> Handles:
    """Remove the roles that we remember."""
    if handles.account_id is None or not handles.sign_in_roles:
        return handles
    try:
        return remove_federation(tenant, handles, aws).handles
    except NotReady:  # the account is new, or closed and lets nobody in: the same
        return handles
