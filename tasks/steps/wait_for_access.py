"""We can act in the account: its access role lets us in."""

from __future__ import annotations

from tasks.aws import Aws
from tasks.errors import AccessDenied, NotOurs, NotReady
from tasks.model import Done, Handles, Outcome, Tenant, Wait


def wait_for_access(tenant: Tenant, handles: Handles, aws: Aws) -> Outcome:
    """Assume the account's access role and ask AWS who we are.

    Reads    sts:GetCallerIdentity 1 call, after sts:AssumeRole where no credentials are at hand
    Writes   none
    Returns  Done; Wait, with AWS's words, while the account is new and does not let us in
    Raises   AccessDenied with the role and what it must trust (permanent); Throttled, Unanswered (transient)
    Source   docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_accounts_access.html
    """
    account_id = handles.known_account()
    try:
        caller = aws.identity(account_id).whoami()
    except NotReady as early:
        return Wait(handles, f"account {account_id} does not let us in yet ({early})")
    except AccessDenied as denied:
        raise _locked_out(denied, tenant, account_id) from denied
    if caller.account_id != account_id:
        raise NotOurs("AnotherAccount", f"the access role of account {account_id} acts in account {caller.account_id}")
    return Done(handles, f"we act as {caller.arn}")


def _locked_out(denied: AccessDenied, tenant: Tenant, account_id: str) -> AccessDenied:
    platform = tenant.platform
    remedy = (
        f"See that account {account_id} has the role {platform.account_access_role} with AdministratorAccess, that "
        f"its trust policy names {platform.management_role_arn}"
        f"{' with the external id of the platform document' if platform.management_external_id else ''}, "
        "and that no service control policy denies it; then retry."
    )
    return AccessDenied(denied.code, denied.message, denied.request_id, remedy)
