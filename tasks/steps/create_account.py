"""The tenant has an account, or AWS has been asked for one, exactly once."""

from __future__ import annotations

from tasks.account_creation import request_account
from tasks.account_lookup import adopted, take_over
from tasks.aws import Aws
from tasks.errors import Conflict
from tasks.model import Done, Handles, Outcome, Tenant


def create_account(tenant: Tenant, handles: Handles, aws: Aws) -> Outcome:
    """Make sure that the tenant's account exists or is being created.

    Reads    known account: none. Account to take over: organizations:DescribeAccount and ListTagsForResource, 1 call
             each. Else ListAccounts, 1 call for 20 accounts, and ListTagsForResource for one with our email or name
    Writes   organizations:CreateAccount   0 or 1 call, with the tenant's tags
    Returns  Done with an account id or a request id; Wait while an unanswered CreateAccount may still have worked
    Raises   LaneFull, Throttled (transient); NotOurs, NotFound, Conflict, AccessDenied, Refused (permanent)
    Source   docs.aws.amazon.com/organizations/latest/APIReference/API_CreateAccount.html
    """
    ordered = tenant.desired.platform_tenant_id
    if handles.account_id is not None:
        _check_same(handles.account_id, ordered)
        return Done(handles, f"account {handles.account_id} is known")
    if ordered is not None:
        return Done(adopted(handles, take_over(tenant, ordered, aws)), f"took over account {ordered}, as ordered")
    return request_account(tenant, handles, aws)


def _check_same(account_id: str, ordered: str | None) -> None:
    if ordered not in (None, account_id):
        raise Conflict(
            "AnotherAccount",
            f"the tenant has account {account_id}, but account {ordered} was ordered for it",
            remedy="Order the tenant with the account that it has, or without naming one.",
        )
