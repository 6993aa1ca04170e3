"""People can sign in to the account by federation: the SAML provider and the IAM roles that trust it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from tasks.aws import Aws
from tasks.errors import AccessDenied
from tasks.model.desired import Tenant
from tasks.model.handles import Handles
from tasks.model.replication import Outcome
from tasks.permissions.federation import keep_federation, remove_federation
from tasks.step import unless


def _nothing_to_do(tenant: Tenant, handles: Handles) -> str | None:
    federated = tenant.platform.identity_federation is not None or handles.sign_in_roles
    return None if federated else "the platform has no identity federation"


@unless(_nothing_to_do)
def federate_identity(tenant: Tenant, handles: Handles, aws: Aws) -> Outcome:
    """Keep the SAML provider, one IAM role for each mapped AWS role, its trust and its policies as configured.

    Reads    iam:GetSAMLProvider 1 call; GetRole 1 per role; ListAttachedRolePolicies 1 per role of ours; GetPolicy for
             a policy by name that is not attached or not AWS's; ListRoles 1 for 100 roles when we remember none.
             The metadata document 1 per hour and process, where it stands behind an address
    Writes   iam:CreateSAMLProvider or UpdateSAMLProvider 0 or 1; CreateRole, UpdateAssumeRolePolicy, DetachRolePolicy,
             AttachRolePolicy, DeleteRole 1 for each difference
    Returns  Done, with a remark on what is missing where the platform allows that; never Wait
    Raises   NotOurs for a role or provider of somebody else, NotFound for a missing provider, external role or policy,
             Conflict for a role that cannot be deleted (permanent); TransientError while AWS or the metadata's server
             is not ready, Throttled, Unanswered
    Source   docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_saml.html
    """
    if tenant.platform.identity_federation is not None:
        return keep_federation(tenant, handles, aws)
    try:
        return remove_federation(tenant, handles, aws)
    except AccessDenied as denied:
        aws.remember(replace(handles, sign_in_roles={}))  # said once: nothing but a person can do it any more
        raise _left_behind(denied, handles.sign_in_roles or {}, handles.known_account()) from denied


def _left_behind(denied: AccessDenied, roles: Iterable[str], account_id: str) -> AccessDenied:
    remedy = (
        f"Delete the remaining roles {', '.join(roles)} in account {account_id} by hand, because the access role "
        "may not do so without identityFederation in the platform document; then retry."
    )
    return AccessDenied(denied.code, denied.message, denied.request_id, remedy)
