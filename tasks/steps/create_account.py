"""The tenant has an account, or AWS has been asked for one, exactly once."""

from __future__ import annotations

from tasks.accounts.creation import named, request_account
from tasks.accounts.entry import enter_account
from tasks.accounts.lookup import account_besides, adopted, take_over
from tasks.accounts.tagged import look_at_tags
from tasks.aws import Aws
from tasks.errors import Conflict
from tasks.model.account import AccountState
from tasks.model.desired import Tenant
from tasks.model.handles import Handles
from tasks.model.replication import Done, Outcome, Wait
from tasks.step import unless


def _nothing_to_do(tenant: Tenant, handles: Handles) -> str | None:
    known, ordered = handles.account_id, tenant.desired.platform_tenant_id
    return f"account {known} is known" if known is not None and ordered in (None, known) else None


@unless(_nothing_to_do)
def create_account(tenant: Tenant, handles: Handles, aws: Aws) -> Outcome:
    """Make sure that the tenant's account exists or is being created.

    Reads    known account: none. Else organizations:ListAccounts, 1 call for 20 accounts and none where somebody has
             just listed them, and ListTagsForResource for one with our email, name or tag; as look_at_tags when nothing
             was ever sent for this tenant. Account to take over: also DescribeAccount, ListTagsForResource and
             sts:GetCallerIdentity, 1 call each
    Writes   organizations:CreateAccount   0 or 1 call, with the tenant's tags; nothing in an account to take over but
             what the import role does to let us in
    Returns  Done with an account id or a request id; Wait while an unanswered CreateAccount may still have worked, or
             an account to take over does not let us in yet
    Raises   LaneFull, Throttled (transient); NotOurs, NotFound, Conflict, AccessDenied, Refused (permanent)
    Source   docs.aws.amazon.com/organizations/latest/APIReference/API_CreateAccount.html
    """
    ordered = tenant.desired.platform_tenant_id
    if handles.account_id is not None:
        raise _another(handles.account_id, ordered)
    if ordered is not None and handles.creation is None:  # what AWS may be creating must not be left behind
        # After a loss of Redis the tenant may have another one, which nothing but its tag tells.
        return look_at_tags(tenant, handles, aws) or _take_over(tenant, ordered, handles, aws)
    return request_account(tenant, handles, aws)


def _take_over(tenant: Tenant, account_id: str, handles: Handles, aws: Aws) -> Outcome:
    """Make an account the tenant's once we have been in it: before that nothing may be written to it."""
    other = account_besides(tenant, account_id, named(tenant, handles), aws)
    if other is not None and other.id != account_id:
        aws.remember(adopted(handles, other))  # whoever has access there must lose it with the orders that take it away
        raise _another(other.id, account_id)
    account = take_over(tenant, account_id, aws)
    taken = adopted(handles, account)
    note = f"imported account {account_id}, as ordered"
    if account_id == tenant.platform.management_account_id:
        return Done(taken, note)
    if account.state is AccountState.PENDING_ACTIVATION:
        return Wait(handles, f"AWS is activating account {account_id}")
    entered = enter_account(tenant, taken, aws if account.invited else aws.knowing(taken))
    if isinstance(entered, Wait):
        return Wait(handles, entered.note, entered.retry_in)
    return Done(taken, f"{note}; {entered.note}")


def _another(account_id: str, ordered: str | None) -> Conflict:
    return Conflict(
        "AnotherAccount",
        f"the tenant has account {account_id}, but the order names account {ordered}",
        remedy="Order the tenant with its own account, or without an account.",
    )
