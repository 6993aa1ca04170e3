"""Last step of a deletion: say what became of the account."""

from __future__ import annotations

from tasks.aws import Aws
from tasks.model.desired import Tenant
from tasks.model.handles import Handles
from tasks.model.replication import Done, Outcome


def report_deletion(tenant: Tenant, handles: Handles, aws: Aws) -> Outcome:  # noqa: ARG001 (every step has this signature)
    """Say what is left of the tenant.

    Reads    nothing
    Writes   nothing
    Returns  Done; never Wait
    """
    if handles.account_id is not None:
        return Done(handles, f"the tenant is deleted; account {handles.account_id} stays open; close it manually")
    closed = handles.closed_accounts[-1:]
    return Done(handles, f"the tenant is deleted; account {closed[0]} is closed" if closed else "the tenant is deleted")
