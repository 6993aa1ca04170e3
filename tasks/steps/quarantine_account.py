"""The account leaves its organizational unit for the quarantine's, where the platform has one."""

from __future__ import annotations

from dataclasses import replace

from tasks.accounts.closing import check_ours, current_account
from tasks.accounts.lookup import CLOSED
from tasks.accounts.units import move, parent_of
from tasks.aws import Aws
from tasks.model.desired import Tenant
from tasks.model.handles import Handles
from tasks.model.replication import Done, Outcome
from tasks.step import unless


def _nothing_to_do(tenant: Tenant, _: Handles) -> str | None:
    if tenant.platform.account_closure.quarantine_unit is None:
        return "no quarantine OU is configured"
    return "Control Tower alone moves the accounts that it governs" if tenant.landing_zone.enroll_account else None


@unless(_nothing_to_do)
def quarantine_account(tenant: Tenant, handles: Handles, aws: Aws) -> Outcome:
    """Move the account into the OU that accountClosure.quarantineOrganizationalUnitId names.

    Reads    organizations:DescribeAccount, ListParents, ListTagsForResource 1 call each, the last where the account is
             somewhere else; nothing where no OU is configured
    Writes   organizations:MoveAccount 0 or 1
    Returns  Done; never Wait
    Raises   AccountNotOurs without proof, NotFound when there is no such OU, AccessDenied (permanent); TransientError
             when somebody moved the account meanwhile, Throttled, Unanswered
    """
    target = tenant.platform.account_closure.quarantine_unit
    assert target is not None
    account = current_account(handles, aws)
    if account is None or account.state in CLOSED:
        return Done(handles, "there is no open account")
    actual = parent_of(handles, aws)
    if actual == target:
        return Done(replace(handles, organizational_unit=target), f"already in {target}")
    check_ours(tenant, handles, account, {} if tenant.platform.is_direct else aws.organizations.tags(account.id))
    return Done(move(handles, actual, target, aws), f"moved from {actual} to {target}")
