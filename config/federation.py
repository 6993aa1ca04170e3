"""Which IAM roles people of a tenant may sign in as, by federation: pure, of the platform and the landing zone."""

import re
from collections.abc import Iterator

from pydantic import BaseModel, ConfigDict

from config.landing_zone import LandingZone
from config.platform import FederatedRoleMapping, Platform

_ROLE_NAME = re.compile(r"[A-Za-z0-9_+=,.@-]{1,64}")


class FederatedRole(BaseModel):
    """An IAM role that trusts the SAML provider, and its managed policies (names or ARNs, in the mappings' order)."""

    model_config = ConfigDict(frozen=True)

    name: str
    project_roles: tuple[str, ...] = ()  # whose people it is for
    policies: tuple[str, ...] = ()
    external: bool = False  # somebody else makes it; only its trust is ours


def federated_roles(platform: Platform, landing_zone: LandingZone) -> tuple[FederatedRole, ...]:
    """Return the roles that a tenant's account should have; none where the platform has no federation.

    The landing zone's mappings hold when it has any, else the federation's own. Several project roles may be mapped to
    one AWS role: their policies are united.
    """
    if platform.identity_federation is None:
        return ()
    mappings = _of_landing_zone(landing_zone) or platform.identity_federation.role_mappings
    roles: dict[str, FederatedRole] = {}
    for mapping in mappings:
        known = roles.get(mapping.aws_role, FederatedRole(name=mapping.aws_role))
        roles[mapping.aws_role] = FederatedRole(
            name=mapping.aws_role,
            project_roles=tuple(dict.fromkeys([*known.project_roles, mapping.project_role])),
            policies=tuple(dict.fromkeys([*known.policies, *mapping.policies])),
            external=known.external or mapping.external,
        )
    return tuple(roles.values())


def unfit_roles(platform: Platform, landing_zone: LandingZone) -> Iterator[str]:
    """Say what is wrong with the roles that a landing zone gives a platform with federation, one sentence each."""
    access_role = platform.account_access_role.rpartition("/")[2]
    for role in federated_roles(platform, landing_zone):
        if not _ROLE_NAME.fullmatch(role.name):
            yield f"'{role.name}' cannot name an IAM role: 1 to 64 letters, digits and _+=,.@- are allowed"
        elif role.name.casefold() == access_role.casefold():  # IAM does not tell cases apart
            yield f"'{role.name}' is the connector's own accountAccessRole; people may not sign in as it"
        elif role.external and role.policies:
            yield f"'{role.name}' is mapped with externalRole and without; it is one or the other"


def _of_landing_zone(landing_zone: LandingZone) -> tuple[FederatedRoleMapping, ...]:
    return tuple(
        FederatedRoleMapping(
            project_role=mapping.project_role,
            aws_role=mapping.platform_role,
            policies=mapping.policies,
            external=mapping.external,
        )
        for mapping in landing_zone.role_mappings
    )
