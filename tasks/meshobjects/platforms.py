"""Which platform a tenant of meshStack is on: newer versions name it by its UUID only."""

from __future__ import annotations

from collections.abc import Mapping

from config.catalog import Catalog
from tasks.meshobjects.kinds import Imported, read_object
from tasks.meshobjects.mesh_tenant import MeshTenant


def by_uuid(catalog: Catalog) -> dict[str, str]:
    """Return the identifier of each platform whose UUID its document tells."""
    return {each.uuid: name for name, each in catalog.platforms.items() if each.uuid is not None}


def with_platform(tenant: Imported, identifiers: Mapping[str, str]) -> Imported | None:
    """Return a tenant that names its platform by its identifier; None: nobody knows its UUID."""
    found = tenant.object
    if not isinstance(found, MeshTenant) or found.named_platform is not None:
        return tenant
    identifier = identifiers.get(found.platform_uuid or "")
    if identifier is None:
        return None
    spec = tenant.document["spec"]
    reference = {**spec["platformRef"], "identifier": identifier}
    return read_object({**tenant.document, "spec": {**spec, "platformRef": reference}})
