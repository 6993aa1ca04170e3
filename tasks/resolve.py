"""The tenant with the configuration that it names."""

from __future__ import annotations

from config.catalog import Catalog
from config.landing_zone import LandingZone
from tasks.errors import PermanentError
from tasks.model.desired import Deletion, Desired, Tenant, TenantId
from tasks.model.handles import Handles


def resolved(
    catalog: Catalog,
    tenant: TenantId,
    desired: Desired,
    handles: Handles,
    deletion: Deletion | None,
    *,
    needs_landing_zone: bool = True,
) -> Tenant:
    """Return the tenant with the configuration that it names.

    needs_landing_zone  False: a tenant whose landing zone no document describes any more has one of that name and
                        nothing else, which is enough to take access away
    Raises PermanentError when this worker does not have the configuration.
    """
    platform = catalog.platforms.get(tenant.platform)
    if platform is None:
        raise _unknown(tenant.platform)
    zone = catalog.landing_zones.get(desired.landing_zone)
    if zone is None and needs_landing_zone:
        raise _unknown(desired.landing_zone)
    return Tenant(
        tenant,
        desired,
        platform,
        zone or LandingZone(name=desired.landing_zone, display_name=desired.landing_zone),
        deletion,
        landing_zone_known=zone is not None,
        accounts_before=len(handles.closed_accounts),
        known_roles=catalog.known_roles[tenant.platform],
    )


def _unknown(missing: str) -> PermanentError:
    return PermanentError(
        "UnknownConfiguration",
        f"{missing} is not in the configuration directory of this worker",
        remedy="Put its document back or order the tenant with another one, then retry.",
    )
