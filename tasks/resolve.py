"""The tenant with the configuration that it names."""

from __future__ import annotations

from config.catalog import Catalog
from tasks.errors import PermanentError
from tasks.model.desired import Deletion, Desired, Tenant, TenantId
from tasks.model.handles import Handles


def resolved(
    catalog: Catalog, tenant: TenantId, desired: Desired, handles: Handles, deletion: Deletion | None
) -> Tenant:
    """Return the tenant with the configuration that it names; PermanentError when this worker does not have it."""
    platform = catalog.platforms.get(tenant.platform)
    zone = catalog.landing_zones.get(desired.landing_zone)
    if platform is None or zone is None:
        missing = tenant.platform if platform is None else desired.landing_zone
        raise PermanentError(
            "UnknownConfiguration",
            f"{missing} is not in the configuration directory of this worker",
            remedy="Put its document back or order the tenant with another one, restart the workers, then retry.",
        )
    return Tenant(tenant, desired, platform, zone, deletion, len(handles.closed_accounts))
