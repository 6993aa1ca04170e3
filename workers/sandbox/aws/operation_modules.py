"""Every module that registers simulated operations when it is imported."""

from __future__ import annotations

from workers.sandbox.aws import (
    account_creation,
    cloudformation,
    iam,
    identity_store,
    organizational_units,
    organizations,
    sso_admin,
    stack_sets,
    sts,
)

MODULES = (
    account_creation,
    cloudformation,
    iam,
    identity_store,
    organizational_units,
    organizations,
    sso_admin,
    stack_sets,
    sts,
)


def load() -> int:
    """Have them all imported; answer how many there are."""
    return len(MODULES)
