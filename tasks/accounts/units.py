"""Whether an account stands in the organizational unit that it should."""

from __future__ import annotations

from tasks.aws import Aws
from tasks.model.desired import Tenant

DEEPEST = 5  # levels of OUs below the root. Source: AWS Organizations user guide, quotas


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
