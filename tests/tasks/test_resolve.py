"""The tenant with the configuration that it names, and with what other documents tell of it."""

from __future__ import annotations

from pathlib import Path

import workers.examples
from config.catalog import load_catalog
from tasks.model.desired import Desired, TenantId
from tasks.model.handles import Handles
from tasks.resolve import resolved

TENANT = TenantId("likvid", "shop", "aws.sandbox")


def test_a_tenant_knows_the_roles_of_every_landing_zone_of_its_platform() -> None:
    catalog = load_catalog([Path(workers.examples.__path__[0]) / "config"], secrets=False)
    mapped = {each.aws_role for each in catalog.platforms[TENANT.platform].role_mappings}
    elsewhere = {role.platform_role for zone in catalog.landing_zones.values() for role in zone.role_mappings}

    for zone in ("production", "its document is gone"):
        desired = Desired(landing_zone=zone)
        tenant = resolved(catalog, TENANT, desired, Handles(), None, needs_landing_zone=False)
        assert tenant.known_roles == mapped | elsewhere
