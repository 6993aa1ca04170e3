"""Who may be where, by the newest orders alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from config.landing_zone import LandingZoneRoleMapping
from config.platform import FederatedRoleMapping, IdentityFederation
from tests.support.saml import saml_metadata
from workers.sandbox import organization

STORE, SCIM = "aws.sandbox", "aws-scim.sandbox"  # platforms: groups by the Identity Store API, and by SCIM
# Landing zones: the platform's own mappings, fewer, and the same for AWS roles of other names.
WIDE, NARROW, RENAMED = "wide", "narrow", "renamed"
ADMIN, USER, READER = (
    organization.ADMIN_PERMISSION_SET_ARN,
    organization.USER_PERMISSION_SET_ARN,
    organization.READER_PERMISSION_SET_ARN,
)
PERMISSION_SETS: Mapping[str, Mapping[str, str]] = {  # landing zone -> project role -> permission set
    WIDE: {"admin": ADMIN, "user": USER, "reader": READER},
    NARROW: {"admin": ADMIN, "user": READER},
    RENAMED: {"admin": ADMIN, "user": USER},
}
POLICIES: Mapping[str, Mapping[str, str]] = {  # landing zone -> federated role -> managed policy
    WIDE: {"admin": "AdministratorAccess", "user": "ReadOnlyAccess"},
    NARROW: {"admin": "ReadOnlyAccess", "reader": "ViewOnlyAccess"},
    RENAMED: {"owner": "AdministratorAccess", "member": "ReadOnlyAccess"},
}
FEDERATION = IdentityFederation(
    saml_provider_name="mesh",
    metadata=saml_metadata(),
    role_mappings=tuple(
        FederatedRoleMapping(project_role=role, aws_role=role, policies=(policy,))
        for role, policy in POLICIES[WIDE].items()
    ),
)
NARROW_MAPPINGS = (
    LandingZoneRoleMapping(project_role="admin", platform_role="admin", policies=("ReadOnlyAccess",)),
    LandingZoneRoleMapping(project_role="user", platform_role="reader", policies=("ViewOnlyAccess",)),
)
RENAMED_MAPPINGS = (
    LandingZoneRoleMapping(project_role="admin", platform_role="owner", policies=("AdministratorAccess",)),
    LandingZoneRoleMapping(project_role="user", platform_role="member", policies=("ReadOnlyAccess",)),
)

Access = tuple[str, str]
"""Somebody and what they may do: a person and a permission set; or a federated role and its policy."""


@dataclass(frozen=True)
class Order:
    """What a tenant's PUT asks for."""

    zone: str
    people: Mapping[str, frozenset[str]]  # person -> project roles
    account: str | None = None  # to be taken over


def given(order: Order | None, platform: str) -> frozenset[Access]:
    """Return who may do what in a tenant's account; None: the tenant is to be deleted."""
    if order is None:
        return frozenset()
    sets, federated = PERMISSION_SETS[order.zone], POLICIES[order.zone] if platform == STORE else {}
    return frozenset({(who, sets[role]) for who, roles in order.people.items() for role in roles & sets.keys()}) | {
        (f"federated {role}", policy) for role, policy in federated.items()
    }
