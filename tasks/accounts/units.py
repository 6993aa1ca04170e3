"""Where an account stands in the organization, and whether it should."""

from __future__ import annotations

from dataclasses import replace

from tasks.aws import Aws
from tasks.errors import NotFound, TransientError
from tasks.model.desired import Tenant
from tasks.model.handles import Handles

DEEPEST = 5  # levels of OUs below the root. Source: AWS Organizations user guide, quotas


def parent_of(handles: Handles, aws: Aws) -> str:
    """Return the OU of the tenant's account. ListParents.

    For a moment after a move AWS may show where the account was before; then it is where we have put it.
    """
    shown = aws.organizations.parent_of(handles.known_account())
    unit = handles.organizational_unit
    return unit if unit is not None and shown in _left_lately(handles, aws) else shown


def _left_lately(handles: Handles, aws: Aws) -> tuple[str, ...]:
    lately = handles.moved_at is not None and aws.now() - handles.moved_at < aws.visibility_grace
    return handles.moved_from if lately else ()


def move(handles: Handles, source: str, target: str, aws: Aws) -> Handles:
    """Move the tenant's account, and return the handles that say so. MoveAccount.

    Raises what AWS refuses; TransientError when it is not in `source` any more: then AWS is asked where it is.
    """
    account_id = handles.known_account()
    try:
        aws.organizations.move_account(account_id, source, target)
    except NotFound as missing:
        if missing.code != "SourceParentNotFoundException":
            raise
        aws.remember(replace(handles, moved_from=()))
        message = f"account {account_id} has been moved out of {source} in the meantime"
        raise TransientError(missing.code, message, missing.request_id) from missing
    left = dict.fromkeys((*_left_lately(handles, aws), source))
    left.pop(target, None)
    return replace(handles, organizational_unit=target, moved_at=aws.now(), moved_from=tuple(left))


def stands_in(actual: str, target: str, tenant: Tenant, aws: Aws) -> bool:
    """Tell whether an account in `actual` is where it should be: in the target, or below if the platform allows that.

    organizations:ListParents, 0 calls, or up to 5 to walk up the tree.
    """
    deep = tenant.platform.allow_hierarchical_organizational_unit_assignment
    return actual == target or (deep and _is_below(actual, target, aws))


def stood_in(units: tuple[str, ...], target: str, tenant: Tenant) -> bool:
    """Tell the same of an account whose OU and the OUs above it are known; not, when they are not."""
    deep = tenant.platform.allow_hierarchical_organizational_unit_assignment
    return target in (units if deep else units[:1])


def _is_below(unit: str, target: str, aws: Aws) -> bool:
    """Walk up from the OU; the root has no parent and is told by its id, r-…."""
    for _ in range(DEEPEST):
        if unit.startswith("r-"):
            return False
        unit = aws.organizations.parent_of(unit)
        if unit == target:
            return True
    return False
