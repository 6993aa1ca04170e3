"""Tenants as meshTenant objects, in the versions that meshStack has. Source: meshStack API, meshTenant."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from config.catalog import Catalog
from tasks.connector import Connector
from tasks.model.desired import Desired, Lifecycle, PaymentMethod, Tags, TenantId
from tasks.state.records import TenantRecord, TenantSummary
from tasks.state.tenants import Selection


class Version(StrEnum):
    """A version of meshTenant."""

    V3 = "v3"
    V4_PREVIEW = "v4-preview"
    V4 = "v4"


@dataclass(frozen=True)
class Filters:
    """Which tenants are asked for; None: any."""

    workspace: str | None = None
    project: str | None = None
    platform: str | None = None
    platform_type: str | None = None
    landing_zone: str | None = None
    account: str | None = None
    states: Collection[Lifecycle] = (Lifecycle.ACTIVE,)

    @property
    def selection(self) -> Selection:
        """What the store can tell of it."""
        return Selection(self.workspace, self.project, self.platform, self.landing_zone)


def page(filters: Filters, first: int, size: int, connector: Connector) -> tuple[list[TenantId], int]:
    """Name some of the tenants that fit every filter, sorted, from a rank on; and tell how many there are."""
    if (filters.platform_type or "aws").lower() != "aws":
        return [], 0
    states = set(filters.states)
    if filters.account is None and (len(states) == 1 or states == set(Lifecycle)):  # as they are listed
        selection = replace(filters.selection, lifecycle=None if len(states) > 1 else states.pop())
        found, total = connector.store.tenants.page(selection, first, size)
        return [each.id for each in found], total
    every = [each.id for each in _summaries(filters.selection, connector) if _fits(each, filters)]
    return every[first : first + size], len(every)


def by_identifier(identifier: str, connector: Connector) -> TenantRecord | None:
    """Find a tenant by its UUID or its name; None: there is none."""
    try:
        return connector.store.tenants.find(TenantId.parse(identifier))
    except ValueError:
        pass
    named = connector.store.runs.named_tenants()
    for name in connector.store.tenants.names():
        if uuid_of(name, named) == identifier.lower():
            return connector.store.tenants.find(TenantId.parse(name))
    return None


def uuid_of(tenant: str, named: Mapping[str, str]) -> str:
    """Return a tenant's UUID: that in meshStack, or one that is made of its name.

    named   the UUIDs that meshStack has told
    """
    return named.get(tenant) or str(uuid5(NAMESPACE_URL, f"meshTenant:{tenant}"))


def shown(record: TenantRecord, version: Version, named: Mapping[str, str], catalog: Catalog) -> dict[str, Any]:
    """Show a tenant, without its links."""
    write = {Version.V3: _v3, Version.V4_PREVIEW: _v4_preview, Version.V4: _v4}[version]
    uuid = uuid_of(str(record.id), named)
    return {"kind": "meshTenant", "apiVersion": version, **write(record, uuid, catalog)}


def lifecycle(*, marked: bool, deleted: bool) -> Lifecycle:
    """Tell where a tenant stands."""
    if deleted:
        return Lifecycle.DELETED
    return Lifecycle.MARKED_FOR_DELETION if marked else Lifecycle.ACTIVE


def _summaries(selection: Selection, connector: Connector) -> Iterator[TenantSummary]:
    first, size = 0, 500
    while True:
        found, total = connector.store.tenants.page(selection, first, size)
        yield from found
        first += size
        if first >= total:
            return


def _fits(summary: TenantSummary, filters: Filters) -> bool:
    state = lifecycle(marked=summary.marked, deleted=summary.deleted)
    return state in filters.states and filters.account in (None, summary.account_id)


def _v3(record: TenantRecord, _uuid: str, _catalog: Catalog) -> dict[str, Any]:
    metadata = {
        "ownedByProject": record.id.project,
        "ownedByWorkspace": record.id.workspace,
        "platformIdentifier": record.id.platform,
        "assignedTags": _tags(record.desired),
        "tenantIdentifier": str(record.id),
    }
    if record.deletion is not None:
        metadata["deletedOn"] = record.deletion.requested_at.isoformat()
    zone = record.desired.landing_zone
    return {"metadata": metadata, "spec": {**_account("localId", record), "landingZoneIdentifier": zone, "quotas": []}}


def _v4_preview(record: TenantRecord, uuid: str, _catalog: Catalog) -> dict[str, Any]:
    metadata = _metadata(record, uuid) | {"createdOn": record.created_at.isoformat()}
    if record.deletion is not None:
        metadata["markedForDeletionOn"] = record.deletion.requested_at.isoformat()
    if record.deleted_at is not None:
        metadata["deletedOn"] = record.deleted_at.isoformat()
    spec = {
        "platformIdentifier": record.id.platform,
        "landingZoneIdentifier": record.desired.landing_zone,
        **_account("platformTenantId", record),
        "quotas": [],
    }
    return {"metadata": metadata, "spec": spec, "status": _status(record)}


def _v4(record: TenantRecord, uuid: str, catalog: Catalog) -> dict[str, Any]:
    platform = catalog.platforms.get(record.id.platform)
    known = platform.uuid if platform is not None else None
    spec = {
        "platformRef": {
            "uuid": known or str(uuid5(NAMESPACE_URL, f"meshPlatform:{record.id.platform}")),
            "kind": "meshPlatform",
        },
        "landingZoneRef": {"name": record.desired.landing_zone, "kind": "meshLandingZone"},
        **_account("platformTenantId", record),
    }
    cycle: dict[str, Any] = {
        "state": lifecycle(marked=record.deletion is not None, deleted=record.deleted_at is not None)
    }
    if record.deletion is not None:
        cycle["markedForDeletion"] = {"timestamp": record.deletion.requested_at.isoformat()}
    status = {**_status(record), "appliedQuotas": {}, "lifecycle": cycle}
    return {"metadata": _metadata(record, uuid), "spec": spec, "status": status}


def _metadata(record: TenantRecord, uuid: str) -> dict[str, Any]:
    return {"uuid": uuid, "ownedByWorkspace": record.id.workspace, "ownedByProject": record.id.project}


def _status(record: TenantRecord) -> dict[str, Any]:
    return {"tenantName": str(record.id), "platformTypeIdentifier": "AWS", "tags": _tags(record.desired)}


def _account(field: str, record: TenantRecord) -> dict[str, str]:
    account = record.handles.account_id or record.desired.platform_tenant_id
    return {} if account is None else {field: account}


def _tags(desired: Desired) -> Tags:
    """Merge the tags as meshStack does: the project's count before the payment method's and the workspace's."""
    method = desired.payment_method
    paid = method.tags if isinstance(method, PaymentMethod) else {}
    return {**desired.workspace.tags, **paid, **desired.project.tags}
