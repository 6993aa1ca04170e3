"""The access role trusts whom it should, and may do what this replication needs.

Where the platform downgrades the role, its policy is brought up to date here, before anything needs it: a new version
of the connector or a changed configuration gets its new rights from the role itself, which may write its own policy
and nothing else of IAM's. `downgrade_access` takes AdministratorAccess away at the end. A crash in between leaves the
role with both, and the next replication goes on from there.
"""

from __future__ import annotations

from tasks.accounts.entry import make_access_role
from tasks.aws import Aws
from tasks.errors import AccessDenied
from tasks.model.desired import Tenant
from tasks.model.handles import Handles
from tasks.model.replication import Done, Outcome, Wait
from tasks.permissions.access_role import outdated, wanted_policies, wanted_trust
from tasks.step import unless


def _nothing_to_do(tenant: Tenant, _: Handles) -> str | None:
    prepared = tenant.platform.manage_access_role_trust or tenant.platform.self_downgrade_access_role
    return None if prepared else "access role unchanged"


@unless(_nothing_to_do)
def prepare_access_role(tenant: Tenant, handles: Handles, aws: Aws) -> Outcome:
    """Repair the access role's trust policy and its own policies, each where the platform manages it.

    Reads    manageAccessRoleTrust: iam:GetRole 1 call; selfDowngradeAccessRole: iam:GetRolePolicy 1 call, 2 where the
             access stack has a policyFile; else none
    Writes   iam:UpdateAssumeRolePolicy 0 or 1, iam:PutRolePolicy 0 to 2; a role that AWS does not show is made anew by
             the import role, where the platform names one
    Returns  Wait after a policy was replaced or the role was made, until that holds everywhere; else Done
    Raises   AccessDenied when the role may not look at itself, NotFound when it is not there and nobody may make it
             (permanent); Throttled, Unanswered (transient)
    Source   docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency
    """
    try:
        return _prepared(tenant, handles, aws)
    except AccessDenied as denied:
        raise _powerless(denied, tenant, handles.known_account()) from denied


def _prepared(tenant: Tenant, handles: Handles, aws: Aws) -> Outcome:
    role = aws.access_role(handles.known_account())
    changed = []
    if tenant.platform.manage_access_role_trust:
        trust = role.trust()
        if trust is None:
            return make_access_role(tenant, handles, aws)
        if trust != wanted_trust(tenant):
            role.set_trust(wanted_trust(tenant))
            changed.append("its trust policy")
    wanted = wanted_policies(tenant) if tenant.platform.self_downgrade_access_role else {}
    older = outdated(wanted, role)
    for name in older:
        role.put_policy(name, wanted[name])
        changed.append(f"policy {name}")
    note = f"access role: {' and '.join(changed)} updated" if changed else "the access role is up to date"
    if any(document is not None for document in older.values()):
        return Wait(handles, f"{note}; waiting until AWS applies it everywhere", aws.role_propagation)
    return Done(handles, note)


def _powerless(denied: AccessDenied, tenant: Tenant, account_id: str) -> AccessDenied:
    remedy = (
        f"Attach AdministratorAccess to the role {tenant.platform.account_access_role} in account {account_id}, and "
        "check that no service control policy denies the call; then retry. The role gets the policy that it needs "
        "and is reduced again."
    )
    return AccessDenied(denied.code, denied.message, denied.request_id, remedy)
