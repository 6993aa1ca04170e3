"""The customer's own account vending machine has finished with the account, where the platform waits for one.

A landing zone's StackSet or Lambda function starts it; it tells its end by two tags of the account. It works for
minutes to hours, so the looks become rarer the longer it takes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from config.platform import ExternalVending
from tasks.aws import Aws
from tasks.errors import PermanentError
from tasks.model.desired import Tenant
from tasks.model.handles import Handles
from tasks.model.replication import Done, Outcome, Wait
from tasks.step import unless

PATIENCE = 10  # looks come after a tenth of the time waited so far, but no more often than any other poll
BRISK = timedelta(minutes=3)  # until then the connector's own polling is slow enough
RAREST = timedelta(minutes=2)  # a person may be waiting for the account


def _nothing_to_do(tenant: Tenant, handles: Handles) -> str | None:
    waits = tenant.platform.external_vending is not None or handles.vending_since is not None
    return None if waits else "no account vending machine configured"


@unless(_nothing_to_do)
def wait_for_vending(tenant: Tenant, handles: Handles, aws: Aws) -> Outcome:
    """Look whether the account has the tags that the vending machine sets last.

    Reads    organizations:ListTagsForResource 1 call for each look
    Writes   nothing
    Returns  Wait until both tags are there
    Raises   PermanentError when they are not there within the platform's time; AccessDenied (permanent); Throttled,
             Unanswered (transient)
    Source   docs.meshcloud.io "AWS: how to integrate", waitForExternalAvm
    """
    vending = tenant.platform.external_vending
    if vending is None:
        return Done(replace(handles, vending_since=None), "no account vending machine configured")
    account_id, now = handles.known_account(), aws.now()
    missing = lacking(tenant, vending, aws.organizations.tags(account_id))
    if not missing:
        return Done(replace(handles, vending_since=None), "the vending machine has finished with the account")
    since = now if handles.vending_since is None else handles.vending_since + aws.late
    if now - since >= vending.deadline:
        aws.remember(replace(handles, vending_since=None))  # the next replication waits anew
        raise _overdue(account_id, vending, missing)
    waiting = replace(handles, vending_since=since)
    return Wait(waiting, f"waiting for the vending machine to tag the account {missing}", until_next_look(since, now))


def lacking(tenant: Tenant, vending: ExternalVending, tags: Mapping[str, str]) -> str | None:
    """Name the tags that the account should have and has not; None: it has them."""
    wanted = {vending.workspace_tag: tenant.id.workspace, vending.project_tag: tenant.id.project}
    return " and ".join(f"{key}={text}" for key, text in wanted.items() if tags.get(key) != text) or None


def until_next_look(since: datetime, now: datetime) -> timedelta | None:
    """Return the time to the next look; None: the poll interval, as long as that is rare enough.

    >>> start = datetime(2026, 3, 1)
    >>> until_next_look(start, start + timedelta(minutes=2)), until_next_look(start, start + timedelta(hours=1))
    (None, datetime.timedelta(seconds=120))
    """
    waited = now - since
    return None if waited < BRISK else min(waited / PATIENCE, RAREST)


def _overdue(account_id: str, vending: ExternalVending, missing: str) -> PermanentError:
    minutes = int(vending.deadline.total_seconds() // 60)
    return PermanentError(
        "VendingOverdue",
        f"account {account_id} has not been tagged {missing} within {minutes} minutes",
        remedy=(
            "Check the vending machine's work on the account, or let it set the tags; then retry. "
            "If it usually needs longer, raise externalAvm.deadlineMinutes."
        ),
    )
