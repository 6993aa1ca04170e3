"""After a loss or restore of Redis: what we have given in the account is read, and what no order gives is taken away.

The first step of a replication has done so where it knew the account. Where it did not, it is done here, as soon as the
account has been found and proven.
"""

from __future__ import annotations

from tasks.aws import Aws
from tasks.model.desired import Tenant
from tasks.model.handles import Handles
from tasks.model.replication import Outcome
from tasks.permissions.groups import without_people
from tasks.permissions.withdrawal import Withdrawal
from tasks.step import unless


def _nothing_to_do(tenant: Tenant, handles: Handles) -> str | None:
    if tenant.deletion is not None and tenant.platform.skip_user_group_permission_cleanup:
        return "groups and their members stay: skipUserGroupPermissionCleanup"
    known = handles.doubt is None or handles.doubt.looked_at is not None
    return "all access in the account is known" if known else None


@unless(_nothing_to_do)
def recall_access(tenant: Tenant, handles: Handles, aws: Aws) -> Outcome:
    """Find our groups and roles in the account by their proofs, and take away what the newest order does not give.

    Reads, writes, raises   as withdraw_access in doubt; no call if nothing is in doubt, or the account was read
                            since it is
    Returns                 Done; Wait, to go on at once, after a portion of many people
    """
    withdrawal = Withdrawal(tenant if tenant.deletion is None else without_people(tenant), handles, aws)
    withdrawal.recall()
    withdrawal.take_away()
    return withdrawal.outcome()
