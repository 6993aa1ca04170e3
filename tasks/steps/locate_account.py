"""First step of a deletion: know the account that is to go, also when AWS is still making it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from tasks.accounts.creation import LOOK_EVERY, leave_lane
from tasks.accounts.lookup import find_account
from tasks.accounts.tagged import look_at_tags
from tasks.aws import Aws
from tasks.aws.organizations import CreationState
from tasks.errors import NotFound, NotOurs, PermanentError
from tasks.model.account import Account
from tasks.model.desired import Tenant
from tasks.model.handles import Creation, Handles
from tasks.model.replication import Done, Outcome, Wait
from tasks.names import account_email, account_name, refused_for_good
from tasks.step import unless


def _nothing_to_do(_: Tenant, handles: Handles) -> str | None:
    return None if handles.account_id is None else f"account {handles.account_id} is known"


@unless(_nothing_to_do)
def locate_account(tenant: Tenant, handles: Handles, aws: Aws) -> Outcome:
    """Find out which account the tenant has; one that AWS is creating is awaited, so that none is left behind.

    Reads    known account: none. Else organizations:DescribeCreateAccountStatus 0 or 1, ListAccounts 1 call for 20
             accounts, ListTagsForResource for one with our email, name or tag. Unless AWS is creating the
             account, those of look_at_tags too
    Writes   none
    Returns  Done, with an account, if only a closed one, or without; Wait while a creation may still give one
    Raises   Conflict when several accounts claim to be the tenant's (permanent); Throttled, Unanswered (transient)
    """
    creation = handles.creation
    if creation is not None and creation.request_id is not None:
        return _follow(tenant, handles, creation, creation.request_id, aws)
    left = creation.intended_at + aws.lookup_grace - aws.now() if creation is not None else timedelta()
    return _look(tenant, handles, aws, left)


def _follow(tenant: Tenant, handles: Handles, creation: Creation, request_id: str, aws: Aws) -> Outcome:
    try:
        status = aws.organizations.creation(request_id)
    except NotFound:
        return _look(tenant, handles, aws, creation.intended_at + aws.lookup_grace - aws.now())
    if status.state is CreationState.IN_PROGRESS:
        return Wait(handles, "AWS is still creating the account", since=(creation.intended_at,))
    leave_lane(tenant, aws)
    if status.account_id is not None:
        return Done(replace(handles, account_id=status.account_id), f"AWS has created account {status.account_id}")
    return _look(tenant, handles, aws, timedelta())


def _look(tenant: Tenant, handles: Handles, aws: Aws, left: timedelta) -> Outcome:
    """Look for the account by email, name and tag; it may still appear for as long as `left`."""
    if (reading := look_at_tags(tenant, handles, aws)) is not None:
        return reading
    account = None
    try:
        found = find_account(tenant, _named(tenant, handles), aws, afresh=True)
        account = found.account or next((each for each in reversed(found.closed) if _is_new(each, handles)), None)
    except (NotOurs, _Unnamed):  # a stranger's account, or no name that one could have had
        pass
    if account is not None:
        leave_lane(tenant, aws)
        return Done(replace(handles, account_id=account.id), f"found this tenant's account {account.id}")
    if left > timedelta():
        return Wait(handles, "AWS may still create the account; searching for it", min(LOOK_EVERY, left))
    leave_lane(tenant, aws)
    return Done(replace(handles, creation=None), "the tenant has no account")


def _is_new(account: Account, handles: Handles) -> bool:
    """Tell whether a closed account is one whose end was never reported."""
    return account.id not in handles.closed_accounts


class _Unnamed(Exception):
    """The patterns of today give the tenant no email or name."""


def _named(tenant: Tenant, handles: Handles) -> Handles:
    if handles.email and handles.account_name:
        return handles
    try:
        with refused_for_good("accountEmailPattern"):
            return replace(handles, email=account_email(tenant), account_name=account_name(tenant))
    except PermanentError as error:
        raise _Unnamed from error
