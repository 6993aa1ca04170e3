"""meshTenant in every version: v3 names the platform in its metadata, v4-preview in its spec, v4 by its UUID."""

from __future__ import annotations

from pydantic import Field

from config.document_fields import Part
from tasks.meshobjects.mesh_object import OWNER, Identifier, MeshObject, key_of
from tasks.meshobjects.rows import ResultCode


class _TenantMetadata(Part):
    workspace: Identifier = Field(validation_alias=OWNER)
    project: Identifier = Field(validation_alias="ownedByProject")
    uuid: str | None = None
    platform_identifier: str | None = None
    deleted_on: str | None = None
    marked_for_deletion_on: str | None = None


class _Reference(Part):
    uuid: str | None = None
    name: str | None = None
    identifier: str | None = None


class _TenantSpec(Part):
    platform_identifier: str | None = None
    platform_ref: _Reference | None = None
    landing_zone_identifier: str | None = None
    landing_zone_ref: _Reference | None = None
    local_id: str | None = None
    platform_tenant_id: str | None = None


class _Lifecycle(Part):
    state: str = "ACTIVE"


class _TenantStatus(Part):
    lifecycle: _Lifecycle = _Lifecycle()


class MeshTenant(MeshObject):
    """A tenant of any version."""

    versions = frozenset({"v3", "v4-preview", "v4"})
    metadata: _TenantMetadata
    spec: _TenantSpec = _TenantSpec()
    status: _TenantStatus = _TenantStatus()

    @property
    def named_platform(self) -> str | None:
        """Name the platform; None: only its UUID is known."""
        reference = self.spec.platform_ref or _Reference()
        return self.metadata.platform_identifier or self.spec.platform_identifier or reference.identifier

    @property
    def platform_uuid(self) -> str | None:
        """Name the platform by its UUID."""
        return self.spec.platform_ref.uuid if self.spec.platform_ref is not None else None

    @property
    def name(self) -> str:
        """Name it as everywhere else."""
        platform = self.named_platform or self.platform_uuid or "?"
        return f"{self.metadata.workspace}.{self.metadata.project}.{platform}"

    @property
    def project_key(self) -> str:
        """Name the project."""
        return key_of("meshProject", f"{self.metadata.workspace}.{self.metadata.project}")

    @property
    def landing_zone(self) -> str | None:
        """Name the landing zone."""
        reference = self.spec.landing_zone_ref
        return self.spec.landing_zone_identifier or (reference.name if reference is not None else None)

    @property
    def account(self) -> str | None:
        """Name the account."""
        return self.spec.platform_tenant_id or self.spec.local_id

    @property
    def is_to_go(self) -> bool:
        """Tell whether it is marked for deletion, or deleted."""
        marked = self.metadata.deleted_on or self.metadata.marked_for_deletion_on
        return bool(marked) or self.status.lifecycle.state.upper() != "ACTIVE"

    @property
    def listed_under(self) -> tuple[str, ...]:
        """Name the workspace."""
        return (self.metadata.workspace.lower(),)

    @property
    def needs(self) -> dict[str, ResultCode]:
        """Name the workspace and the project."""
        return {
            key_of("meshWorkspace", self.metadata.workspace): ResultCode.WORKSPACE_NOT_FOUND,
            self.project_key: ResultCode.PROJECT_NOT_FOUND,
        }
