"""The door of an account: the access role lets us in, or the import role opens it for us.

An account that is taken over may have no access role yet, or one that does not trust us. Where the platform names an
import role (`importRole`), that role makes the access role, or repairs its trust.
"""

from __future__ import annotations

from tasks.aws import Aws
from tasks.errors import AccessDenied, NotFound, NotOurs, NotReady, TransientError
from tasks.model.desired import Tenant
from tasks.model.handles import Handles
from tasks.model.replication import Done, Outcome, Wait
from tasks.permissions import access_role


def enter_account(tenant: Tenant, handles: Handles, aws: Aws) -> Outcome:
    """Assume the account's access role and ask AWS who we are.

    Reads    sts:GetCallerIdentity 1 call, after sts:AssumeRole where no credentials are at hand; iam:GetRole 1 call as
             the import role where we are not let in
    Writes   as the import role: iam:CreateRole 0 or 1, AttachRolePolicy and UpdateAssumeRolePolicy 0 or 1 each
    Returns  Done; Wait, with AWS's words, while the account is new or its role was just made
    Raises   AccessDenied with the role and what it must trust (permanent); Throttled, Unanswered (transient)
    """
    account_id = handles.known_account()
    try:
        caller = aws.identity(account_id).whoami()
    except (NotReady, AccessDenied) as refused:
        if tenant.platform.import_role is not None and tenant.desired.platform_tenant_id == account_id:
            return _let_in(refused, tenant, handles, aws)
        if isinstance(refused, NotReady):
            return Wait(
                handles, f"account {account_id} cannot be accessed yet, which is normal for a new account ({refused})"
            )
        raise _locked_out(refused, tenant, account_id) from refused
    if caller.account_id != account_id:
        raise NotOurs(
            "AnotherAccount", f"the access role of account {account_id} belongs to account {caller.account_id}"
        )
    return Done(handles, f"signed in as {caller.arn}")


def _let_in(refused: NotReady | AccessDenied, tenant: Tenant, handles: Handles, aws: Aws) -> Outcome:
    """Open the door as the import role; a door that is open already needs some time, or somebody else keeps it shut."""
    account_id, remedy = handles.known_account(), _locked_out(refused, tenant, handles.known_account()).remedy
    try:
        opened = access_role.open_door(tenant, aws.access_role_from_outside(account_id))
    except AccessDenied as denied:
        also = f"Or let {tenant.platform.import_role} do what the published policy of the import role says. {remedy}"
        raise AccessDenied(denied.code, denied.message, denied.request_id, also) from denied
    if opened:
        return _made(tenant, handles, aws)
    raise TransientError(refused.code, refused.message, refused.request_id, remedy) from refused


def make_access_role(tenant: Tenant, handles: Handles, aws: Aws) -> Wait:
    """Make an access role that is not there, as the import role; NotFound where there is none, or it may not help."""
    account_id, name = handles.known_account(), tenant.platform.account_access_role
    if tenant.platform.import_role is None or tenant.desired.platform_tenant_id != account_id:
        raise NotFound(
            "NoAccessRole",
            f"account {account_id} has no role {name}",
            remedy=f"Create the role {name} in account {account_id} as aws-connector policies prints it, then retry.",
        )
    access_role.open_door(tenant, aws.access_role_from_outside(account_id))
    return _made(tenant, handles, aws)


def _made(tenant: Tenant, handles: Handles, aws: Aws) -> Wait:
    note = f"{tenant.platform.account_access_role} was created in account {handles.known_account()}"
    return Wait(handles, note, aws.role_propagation)


def _locked_out(denied: NotReady | AccessDenied, tenant: Tenant, account_id: str) -> AccessDenied:
    platform = tenant.platform
    remedy = (
        f"Check that account {account_id} has the role {platform.account_access_role} with AdministratorAccess, that "
        f"its trust policy names {platform.management_role_arn or f'account {platform.management_account_id}'}"
        f"{' with the external id of the platform document' if platform.management_external_id else ''}, "
        "and that no service control policy denies it; then retry."
    )
    return AccessDenied(denied.code, denied.message, denied.request_id, remedy)
