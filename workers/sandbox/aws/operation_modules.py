"""Every module that registers simulated operations when it is imported."""

from __future__ import annotations

from workers.sandbox.aws import (
    account_creation,
    change_sets,
    cloudformation,
    control_policies,
    control_tower,
    cost_explorer,
    iam,
    iam_saml,
    identity_store,
    lambda_functions,
    organizational_units,
    organizations,
    secret_stores,
    service_catalog,
    service_catalog_reads,
    sso_admin,
    stack_sets,
    sts,
)
from workers.sandbox.scim import resources as scim_resources

MODULES = (
    account_creation,
    change_sets,
    cloudformation,
    control_policies,
    control_tower,
    cost_explorer,
    iam,
    iam_saml,
    identity_store,
    lambda_functions,
    organizational_units,
    organizations,
    scim_resources,
    secret_stores,
    service_catalog,
    service_catalog_reads,
    sso_admin,
    stack_sets,
    sts,
)


def load() -> int:
    """Have them all imported; answer how many there are."""
    return len(MODULES)
