"""Look at the tags of all accounts before one is made for a tenant of whom nothing is known.

One tenant's replication reads them, a portion in each execution, and the others of the organization wait: AWS shows the
tags of one account at a time, so the first look at a large organization takes minutes (`organization/tag_index.py`).
"""

from __future__ import annotations

from datetime import timedelta

from tasks.aws import Aws
from tasks.aws.run import Unread
from tasks.errors import NotFound, RateReached, StepError
from tasks.model.desired import Tenant
from tasks.model.handles import Handles
from tasks.model.replication import Wait
from tasks.names import TENANT_TAG

PORTION = 40  # reads in one execution: a second of Organizations' calls
SOONEST, SOON = timedelta(seconds=0.5), timedelta(seconds=5)  # until whoever keeps others looks again
LATEST = timedelta(minutes=1)  # and the rest, of whom there may be thousands: each look costs an execution


def look_at_tags(tenant: Tenant, handles: Handles, aws: Aws, *, keeps_others: bool = False) -> Wait | None:
    """Go on reading the tags of the organization's accounts; None: all are read, by us or somebody else.

    keeps_others   others wait for this tenant, which holds one of a few places: it looks again within SOON
    Reads   organizations:ListTagsForResource 1 call for each account that no record has and nobody has read lately, at
            most PORTION; ListAccounts 1 call for 20 accounts, by who begins. None in direct mode, which has no tags
    """
    index = aws.tag_index
    if tenant.platform.is_direct or index.is_whole():
        return None
    if not index.take_turn(str(tenant.id)):
        look = index.unread(0)
        soonest, latest = (SOONEST, SOON) if keeps_others else (SOON, LATEST)
        return Wait(handles, _progress(look), min(max(_until_read(look), soonest), latest))
    try:
        left = _read_portion(aws)
    except RateReached:  # its turn to call comes in a moment
        raise
    except StepError:  # it may fail for good, and be tried again late: others need not wait for it
        index.leave_turn(str(tenant.id))
        raise
    return None if left is None else Wait(handles, _progress(left), timedelta())


def _read_portion(aws: Aws) -> Unread | None:
    """Read some tags, and return how far the look is; None: all are read, so that the index is whole.

    A look that is not there any more has expired, or somebody else has ended it: the next execution tells. Whoever took
    that for the end might make a second account for a tenant.
    """
    index = aws.tag_index
    look = index.unread(PORTION)
    if look is None:
        began = aws.now()
        index.begin([account.id for account in aws.list_accounts()], began)
        look = index.unread(PORTION)
    for account_id in look.accounts if look else ():
        index.note(account_id, _tenant_of(account_id, aws), aws.now())
    left = index.unread(0)
    if left is None:
        return look or Unread((), 0, 0)
    if left.left:
        return left
    index.end(aws.now())
    return None


def _tenant_of(account_id: str, aws: Aws) -> str | None:
    try:
        return aws.organizations.tags(account_id).get(TENANT_TAG)
    except NotFound:  # it has left the organization since it was listed
        return None


def _until_read(look: Unread | None) -> timedelta:
    """Say when whoever reads may be done, at a portion a second; None: nobody knows how much there is.

    >>> _until_read(Unread((), 60, 5000)).total_seconds(), _until_read(None).total_seconds()
    (1.5, 0.0)
    """
    return timedelta(seconds=look.left / PORTION if look is not None else 0)


def _progress(look: Unread | None) -> str:
    """Say how far it is.

    >>> _progress(Unread((), 3800, 5000))
    "reading the tags of the organization's accounts: 1,200 of 5,000"
    """
    progress = f": {look.total - look.left:,} of {look.total:,}" if look is not None else ""
    return f"reading the tags of the organization's accounts{progress}"
