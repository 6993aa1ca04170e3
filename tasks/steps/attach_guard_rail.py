"""The landing zone's OU has its service control policy, with the content that the landing zone says.

The policy is shared by all tenants of the OU, and its name is unique in the organization. That it is attached is looked
at in every run. Its content, which all OUs share, is not asked again for a while by a worker who has seen it to be
right; two that write at once write the same, and AWS refuses the second.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta

from tasks.accounts.guard_rail import guard_rail
from tasks.aws import Aws
from tasks.aws.service_control_policies import ControlPolicy
from tasks.errors import Conflict, NotFound, NotOurs, TransientError
from tasks.model.desired import Tenant
from tasks.model.handles import Handles
from tasks.model.replication import Done, Outcome
from tasks.step import unless

MARK = "Kept as configured by the meshStack AWS connector."  # the description that makes a policy ours
RECENTLY = timedelta(minutes=10)  # a hand-made change of the content stands this long at most while tenants replicate


@dataclass(frozen=True)
class Standing:
    """What AWS has: the policy of the wanted name, its document, and whether it is attached to the OU."""

    policy: ControlPolicy | None
    content: str | None
    attached: bool


@dataclass(frozen=True)
class Change:
    """What must be written."""

    create: bool
    update: bool
    attach: bool


def _nothing_to_do(tenant: Tenant, _: Handles) -> str | None:
    return None if tenant.landing_zone.service_control_policy else "the landing zone has no service control policy"


@unless(_nothing_to_do)
def attach_guard_rail(tenant: Tenant, handles: Handles, aws: Aws) -> Outcome:
    """Create, correct and attach the service control policy of the landing zone.

    Reads    organizations:ListPoliciesForTarget 1 call; DescribePolicy 1 where this process has not looked for ten
             minutes, ListPolicies where the policy is not attached; without serviceControlPolicy none
    Writes   organizations:CreatePolicy, UpdatePolicy, AttachPolicy, 0 or 1 each
    Returns  Done; never Wait
    Raises   NotOurs when somebody else has made a policy of that name, AccessDenied, Refused (permanent);
             TransientError when another worker was faster, Throttled, Unanswered
    Source   docs.aws.amazon.com/organizations/latest/APIReference/API_AttachPolicy.html
    """
    wanted = tenant.landing_zone.service_control_policy
    unit = tenant.landing_zone.target_organizational_unit or handles.workspace_unit
    assert wanted is not None
    if unit is None:
        raise ValueError("this step needs the OU of the workspace, and none is known yet")
    content = guard_rail(tenant.platform, wanted.template)
    attached = aws.control_policies.attached(unit, wanted.name)
    if attached is not None and aws.has_seen(_content_of(attached, content), RECENTLY):
        return Done(handles, f"{wanted.name} is attached to {unit}")
    standing = _look(attached, wanted.name, aws)
    change = decide(standing, content)
    policy = _write(change, standing, wanted.name, content, unit, aws)
    aws.note_seen(_content_of(policy, content))
    return Done(handles, _note(change, wanted.name, unit))


def _content_of(policy: ControlPolicy, content: str) -> tuple[str, ...]:
    """Name the fact that a policy is ours and has this content."""
    return ("guard rail", policy.id, policy.description, content)


def decide(standing: Standing, content: str) -> Change:
    """Return what must be written; NotOurs when the policy of that name is somebody else's."""
    policy = standing.policy
    if policy is None:
        return Change(create=True, update=False, attach=True)
    if policy.description != MARK:
        raise NotOurs(
            "AnotherPolicy",
            f"service control policy {policy.name} ({policy.id}) was not created by the connector",
            remedy=f"Give the landing zone's serviceControlPolicy another name, or hand that policy over to the "
            f'connector by setting its description to "{MARK}"; then retry.',
        )
    return Change(create=False, update=not _same(standing.content, content), attach=not standing.attached)


def _same(actual: str | None, wanted: str) -> bool:
    """Compare as documents: AWS keeps the text, people lay it out anew."""
    try:
        return actual is not None and json.loads(actual) == json.loads(wanted)
    except ValueError:
        return False


def _look(attached: ControlPolicy | None, name: str, aws: Aws) -> Standing:
    policies = aws.control_policies
    policy = attached or policies.find(name)
    content = policies.content(policy.id) if policy is not None and policy.description == MARK else None
    return Standing(policy, content, attached is not None)


def _write(change: Change, standing: Standing, name: str, content: str, unit: str, aws: Aws) -> ControlPolicy:
    """Write in an order that never attaches an outdated document; answers the policy as it is then."""
    policies, policy = aws.control_policies, standing.policy
    try:
        if policy is None:
            policy = policies.create(name, MARK, content)
        if change.update:
            policies.update(policy.id, content)
        if change.attach:
            policies.attach(policy.id, unit)
        return policy
    except (Conflict, NotFound) as raced:
        if raced.code not in ("DuplicatePolicyException", "PolicyNotFoundException"):
            raise
        message = f"service control policy {name} was created or deleted by somebody else in the meantime"
        raise TransientError(raced.code, message, raced.request_id) from raced


def _note(change: Change, name: str, unit: str) -> str:
    verbs = [verb for verb, done in (("created", change.create), ("corrected", change.update)) if done]
    verbs += [f"attached to {unit}"] if change.attach else []
    return f"{name} {' and '.join(verbs)}" if verbs else f"{name} is attached to {unit}"
