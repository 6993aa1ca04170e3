"""What the access role of an account may do and whom it trusts, as the platform and the landing zone want it.

Two policies of its own: POLICY is made from the table of our calls, so that it always fits what this version does on
this platform; STACK_POLICY is the landing zone's, for what the access stack's template creates with the role's rights.
"""

from __future__ import annotations

from collections.abc import Mapping

from config.policy_document import PolicyDocument
from tasks.aws.access_role import AccessRole
from tasks.model.desired import Tenant
from tasks.permissions.iam_documents import access_role_documents

POLICY = "meshstack-access"
STACK_POLICY = "meshstack-access-stack"


SHUT: PolicyDocument = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}],
}
"""The trust policy of a role that is not ready: nobody may enter."""


def wanted_policies(tenant: Tenant) -> dict[str, PolicyDocument]:
    """Return the role's own policies by name."""
    policies: dict[str, PolicyDocument] = {POLICY: access_role_documents(tenant.platform).policy}
    stack = tenant.landing_zone.access_stack
    if stack is not None and stack.policy is not None:
        policies[STACK_POLICY] = stack.policy
    return policies


def wanted_trust(tenant: Tenant) -> PolicyDocument:
    """Return the role's trust policy: whoever enters it by the role chain, with the external id if there is one."""
    trust = access_role_documents(tenant.platform).trust
    assert trust is not None  # a role always has one
    return trust


def open_door(tenant: Tenant, role: AccessRole) -> bool:
    """Make the access role of an account that is taken over, or repair its trust; False when it was right already.

    The trust is written last: a role that lets us in has its rights, whenever the work was cut off.
    """
    trust, wanted = role.trust(), wanted_trust(tenant)
    if trust == wanted:
        return False
    if trust is None:
        role.create(SHUT)
    role.make_administrator()
    role.set_trust(wanted)
    return True


def outdated(wanted: Mapping[str, PolicyDocument], role: AccessRole) -> dict[str, PolicyDocument | None]:
    """Return those of the wanted policies that the role does not have as wanted, with what it has instead."""
    actual = {name: role.policy(name) for name in wanted}
    return {name: document for name, document in actual.items() if document != wanted[name]}
