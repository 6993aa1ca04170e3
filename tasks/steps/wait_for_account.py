"""The tenant's account is active."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from tasks.accounts.closing import AWS_CLOSES_WITHIN, without_account
from tasks.accounts.creation import settle_account
from tasks.accounts.lookup import CLOSED, closed, created_at
from tasks.aws import Aws
from tasks.errors import NotFound, NotOurs
from tasks.model.account import Account, AccountState
from tasks.model.desired import Tenant
from tasks.model.handles import Handles
from tasks.model.replication import Done, Outcome, Wait


def wait_for_account(tenant: Tenant, handles: Handles, aws: Aws) -> Outcome:
    """Follow the account's creation to its end, then see that the account is active.

    Reads    organizations:DescribeAccount 1 call, none where the day's snapshot shows it active; before the account is
             known DescribeCreateAccountStatus 1 call, and ListAccounts when the creation came to nothing
    Writes   none; organizations:CreateAccount 1 call where AWS failed the creation by itself and asks to try again
    Returns  Done when ACTIVE; Wait while AWS creates or activates it, and when it is closed because we asked for that
             before the tenant was ordered again: it is history then, and the next look asks for a new one
    Raises   NotOurs when the email is another account's, PermanentError with AWS's FailureReason or when the account is
             closed, NotFound when it has left the organization (permanent); Throttled, Unanswered (transient)
    Source   docs.aws.amazon.com/organizations/latest/APIReference/API_DescribeCreateAccountStatus.html
    """
    known = handles.account_id is not None
    if not known:
        outcome = settle_account(tenant, handles, aws)
        if isinstance(outcome, Wait):
            return outcome
    found = handles if known else outcome.handles
    seen = aws.seen(handles.account_id) if handles.account_id is not None else None
    if seen is not None and seen.state is AccountState.ACTIVE:
        return _judged(handles, seen)
    try:
        account = aws.organizations.account(found.account_id or "")
    except NotFound as missing:
        if not known:
            return Wait(handles, f"AWS has created account {found.account_id} but does not show it yet")
        raise _gone(missing, found.account_id or "") from missing
    if not known:
        _check_email(account, found.email or "")
    return _judged(_not_closing(found, aws.now()), account)


def _judged(handles: Handles, account: Account) -> Outcome:
    """Decide by the account's state, all five of them."""
    handles = replace(
        handles,
        account_arn=account.arn,
        account_created_at=account.joined_at or created_at(handles),
        account_name=handles.account_name or account.name,
        email=handles.email or account.email,
    )
    if account.state in CLOSED and handles.closing_since is not None:
        return Wait(without_account(handles), f"account {account.id} was closed; requesting a new one", timedelta())
    if account.state in CLOSED:
        raise closed(account)
    if account.state is AccountState.PENDING_ACTIVATION:
        return Wait(handles, f"AWS is activating account {account.id}")
    return Done(handles, f"account {account.id} is active")


def _not_closing(handles: Handles, now: datetime) -> Handles:
    """Forget that the account was to be closed, when AWS has not done so for longer than it takes."""
    since = handles.closing_since
    return replace(handles, closing_since=None) if since and now - since > AWS_CLOSES_WITHIN else handles


def _check_email(account: Account, email: str) -> None:
    """AWS must have created the account that we asked for. Later its owner may change the email as he likes."""
    if account.email.lower() != email.lower():
        raise NotOurs("AnotherEmail", f"AWS created account {account.id} with email {account.email}, not {email}")


def _gone(missing: NotFound, account_id: str) -> NotFound:
    return NotFound(
        missing.code,
        f"account {account_id} of this tenant is no longer in the organization",
        missing.request_id,
        "Invite the account into the organization again, then retry.",
    )
