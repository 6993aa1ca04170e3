"""Which account may be closed: one that provably is the tenant's, where the operator allows it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from config.platform import AccountClosure
from tasks.aws import Aws
from tasks.errors import AccountNotOurs, NotFound, NotReady, PermanentError
from tasks.model.account import Account
from tasks.model.desired import Tenant
from tasks.model.handles import Handles
from tasks.names import TENANT_TAG

AWS_CLOSES_WITHIN = timedelta(minutes=15)  # from CloseAccount to SUSPENDED, usually less
DEEPEST = 6  # parents of an account: five levels of OUs and the root. Source: AWS Organizations user guide, quotas


def current_account(handles: Handles, aws: Aws) -> Account | None:
    """Describe the tenant's account; None: it has none, or it has left the organization. DescribeAccount."""
    if handles.account_id is None:
        return None
    try:
        return aws.organizations.account(handles.account_id)
    except NotFound:
        return None


def without_account(handles: Handles) -> Handles:
    """Return the handles of a tenant whose account is history; what may still stand elsewhere is kept in mind."""
    return Handles(
        closed_accounts=(*handles.closed_accounts, handles.known_account()),
        groups=handles.groups,
        users=handles.users,
        pending_assignments=handles.pending_assignments,
        doubt=handles.doubt,
    )


def check_ours(tenant: Tenant, handles: Handles, account: Account, tags: Mapping[str, str]) -> None:
    """Raise AccountNotOurs unless the account is proven to be this tenant's.

    The proof is its tag; where there is none, the creation that we recorded with the account's email; in direct mode,
    which has no tags, the tenant's own email together with its account name.
    """
    owner = tags.get(TENANT_TAG)
    same_email = handles.email is not None and account.email.lower() == handles.email.lower()
    same_name = tenant.platform.is_direct and account.name == handles.account_name
    if owner == str(tenant.id) or (owner is None and same_email and (handles.creation is not None or same_name)):
        return
    whose = f"has the tag of tenant {owner}" if owner else "has no tag that names a tenant"
    raise AccountNotOurs(
        "NotProvablyOurs",
        f"account {account.id} ({account.name}) {whose}, so it is neither moved nor closed",
        remedy=f"If it is this tenant's account, tag it {TENANT_TAG}={tenant.id} and retry; else close it by hand.",
    )


def check_allowed(
    closure: AccountClosure, account: Account, tags: Mapping[str, str], moved_at: datetime | None, aws: Aws
) -> None:
    """Raise PermanentError unless accountClosure lists a tag of the account, or an OU above it. ListParents 0 to 6.

    moved_at  when we put it where it is. A moment after that AWS may show where it was before: NotReady
    """
    if any(tags.get(key) == value for key, value in closure.tags.items()):
        return
    allowed, child = set(closure.organizational_units), account.id
    for _ in range(DEEPEST if allowed else 0):
        child = aws.organizations.parent_of(child)
        if child in allowed:
            return
        if child.startswith("r-"):
            break
    if allowed and moved_at is not None and aws.now() - moved_at < aws.visibility_grace:
        raise NotReady("MoveNotShown", f"AWS does not show yet where account {account.id} was moved a moment ago")
    raise PermanentError(
        "ClosureNotAllowed",
        f"account {account.id} may not be closed: accountClosure lists no OU above it and none of its tags",
        remedy=(
            "List its OU or a tag of it under accountClosure of the platform document, or close the account by hand; "
            "then retry."
        ),
    )
