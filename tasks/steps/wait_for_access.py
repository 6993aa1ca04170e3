"""We can act in the account: its access role lets us in."""

from __future__ import annotations

from tasks.accounts.entry import enter_account
from tasks.aws import Aws
from tasks.model.desired import Tenant
from tasks.model.handles import Handles
from tasks.model.replication import Done, Outcome


def wait_for_access(tenant: Tenant, handles: Handles, aws: Aws) -> Outcome:
    """Assume the account's access role and ask AWS who we are.

    Reads    sts:GetCallerIdentity 1 call, after sts:AssumeRole where no credentials are at hand; none where the day's
             snapshot shows the account: later steps act in it all the same, and the try after a failed one looks here
             again; iam:GetRole 1 call as the import role where we are not let in
    Writes   as the import role: iam:CreateRole 0 or 1, AttachRolePolicy and UpdateAssumeRolePolicy 0 or 1 each
    Returns  Done; Wait, with AWS's words, while the account is new or its role was just made
    Raises   AccessDenied with the role and what it must trust (permanent); Throttled, Unanswered (transient)
    Source   docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_accounts_access.html
    """
    if not aws.is_young and aws.seen(handles.known_account()) is not None:
        return Done(handles, "access worked at the last check; steps that need it report if it is gone")
    return enter_account(tenant, handles, aws)
