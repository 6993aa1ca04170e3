"""The account is closed: last act of a deletion, only on proof and only where the operator allows it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from tasks.accounts.closing import AWS_CLOSES_WITHIN, check_allowed, check_ours, current_account, without_account
from tasks.accounts.lookup import CLOSED
from tasks.aws import Aws, Lane
from tasks.errors import Parked, PermanentError, SignInRefused
from tasks.model.account import AccountState
from tasks.model.desired import Tenant
from tasks.model.handles import Handles
from tasks.model.replication import Done, Outcome, Wait, WaitsFor

DAILY = timedelta(days=1)  # AWS counts closures over 30 days


def close_account(tenant: Tenant, handles: Handles, aws: Aws) -> Outcome:
    """Close the tenant's account; one that is closed, about to be, or gone is done.

    Reads    organizations:DescribeAccount 1 call; before the closing ListTagsForResource 1, ListParents up to 6
    Writes   organizations:CloseAccount 0 or 1
    Returns  Wait while AWS closes it, and day by day while AWS's quota of closures is used up
    Raises   LaneFull, Throttled, Unanswered, NotReady until AWS shows a move of ours (transient); NotOurs without
             proof, PermanentError where accountClosure does not allow it, AccessDenied (permanent)
    Source   docs.aws.amazon.com/organizations/latest/APIReference/API_CloseAccount.html
    """
    if handles.account_id is None:
        return Done(handles, "there is no account to close")
    if not tenant.landing_zone.automate_deletion_replication:
        zone = tenant.landing_zone.name
        return Done(handles, f"account {handles.account_id} stays open; close it manually, as landing zone {zone} says")
    account = current_account(handles, aws)
    if account is None:
        return _done(tenant, handles, f"account {handles.account_id} is no longer in the organization", aws)
    since = handles.closing_since
    if account.state in CLOSED:
        if account.state is AccountState.PENDING_CLOSURE and since and aws.now() - since < AWS_CLOSES_WITHIN:
            return Wait(handles, f"AWS is closing account {account.id}", since=(since,))
        return _done(tenant, handles, f"account {account.id} is {account.state}", aws)
    tags = {} if tenant.platform.is_direct else aws.organizations.tags(account.id)
    check_ours(tenant, handles, account, tags)
    check_allowed(tenant.platform.account_closure, account, tags, handles.moved_at, aws)
    return _close(tenant, replace(handles, closing_since=aws.now()), account.id, aws)


def _close(tenant: Tenant, handles: Handles, account_id: str, aws: Aws) -> Outcome:
    aws.enter(Lane.ACCOUNT_CLOSURE, tenant.platform.management_account_id, str(tenant.id))
    aws.remember(handles)
    try:
        aws.organizations.close_account(account_id)
    except SignInRefused:
        _leave(tenant, aws)
        raise
    except Parked as quota:  # for days or weeks; others need not wait behind it
        _leave(tenant, aws)
        return Wait(handles, f"{quota.message}; retrying tomorrow", DAILY, waits_for=WaitsFor.QUOTA)
    except PermanentError:
        _leave(tenant, aws)
        raise
    since = (handles.closing_since,) if handles.closing_since else ()
    return Wait(handles, f"AWS is closing account {account_id}", since=since)


def _done(tenant: Tenant, handles: Handles, note: str, aws: Aws) -> Outcome:
    _leave(tenant, aws)
    return Done(without_account(handles), note)


def _leave(tenant: Tenant, aws: Aws) -> None:
    aws.leave(Lane.ACCOUNT_CLOSURE, tenant.platform.management_account_id, str(tenant.id))
