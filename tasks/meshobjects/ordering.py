"""Order the tenants whose desired state objects change. Nothing else is enqueued."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

from tasks.connector import Connector
from tasks.meshobjects.desired import desired_of
from tasks.meshobjects.kinds import Binding, Imported
from tasks.meshobjects.mesh_object import key_of
from tasks.meshobjects.mesh_tenant import MeshTenant
from tasks.meshobjects.world import World
from tasks.model.desired import Desired, TenantId
from tasks.orders.deletion import request_deletion
from tasks.orders.producer import RequestRefused, replicate, withdraw
from tasks.orders.withdrawn import left_out
from tasks.state.orders import content_of
from tasks.state.records import TenantRecord


@dataclass(frozen=True)
class Change:
    """What was known before, what is known now, and by which objects it became so."""

    before: World
    after: World
    imported: dict[str, Imported]  # by key

    def touches(self, tenant: MeshTenant) -> bool:
        """Tell whether objects were imported that are about this tenant alone, or its project."""
        named = key_of_tenant(tenant) in self.imported or tenant.project_key in self.imported
        return named or tenant.project_key in self._bound

    @cached_property
    def _bound(self) -> frozenset[str]:
        """Projects in which imported bindings give roles."""
        return frozenset(project for each in self.imported.values() if (project := _project_of(each)) is not None)

    def about(self, tenant: MeshTenant) -> list[str]:
        """Name the imported objects from which a tenant's order follows, the nearest ones."""
        if (own := key_of_tenant(tenant)) in self.imported:
            return [own]
        others = {key: each for key, each in self.imported.items() if not isinstance(each.object, MeshTenant)}
        near = [key for key, each in others.items() if tenant.project_key in (key, _project_of(each))]
        workspace = tenant.metadata.workspace.lower()
        return near or [key for key, each in others.items() if workspace in each.object.listed_under] or list(others)


@dataclass(frozen=True)
class Refusal:
    """A tenant that could not be ordered."""

    tenant: MeshTenant
    why: str


class Ordering:
    """Orders tenants for one import. Methods raise redis.RedisError when Redis is away."""

    def __init__(self, connector: Connector, change: Change, by: str | None) -> None:
        self._connector = connector
        self._change = change
        self._by = by
        self._default_zone = connector.catalog.runner.landing_zone

    def run(self) -> list[Refusal]:
        """Order every tenant that is wanted otherwise; answers those that could not be."""
        orders, refusals = [], list[Refusal]()
        for key, tenant in self._change.after.tenants():
            record = self._connector.store.tenants.find(tenant_id(tenant))
            try:
                desired = self._wanted(key, tenant, record)
            except RequestRefused as refused:
                refusals.append(Refusal(tenant, str(refused)))
                continue
            if isinstance(desired, str):
                refusals.append(Refusal(tenant, desired))
            elif desired is not None:
                orders.append((0 if record is None else left_out(desired, record), tenant, record, desired))
        # Taking access away comes first.
        for _, tenant, record, desired in sorted(orders, key=lambda each: -each[0]):
            if (why := order(tenant_id(tenant), record, desired, self._connector, self._by)) is not None:
                refusals.append(Refusal(tenant, why))
        return refusals

    def delete(self, tenant: TenantId) -> bool:
        """Ask for a tenant's deletion, which goes its usual way; False: nobody has ordered it, or it goes already."""
        record = self._connector.store.tenants.find(tenant)
        if record is None or record.deletion is not None:
            return False
        request_deletion(record, self._connector, by=self._by)
        return True

    def _wanted(self, key: str, tenant: MeshTenant, record: TenantRecord | None) -> Desired | str | None:
        """Return what to order, or why nothing can be; None: nothing has changed."""
        named, new = key in self._change.imported, key not in self._change.before
        if tenant.is_to_go:
            if named:
                self.delete(tenant_id(tenant))
            return None
        if record is not None and record.deletion is not None and not (named and new):
            return _going(record) if named else None
        if record is None and not named:
            return None
        desired = self._desired(self._change.after, tenant, record)
        if record is not None and record.deletion is None and content_of(desired) == content_of(record.desired):
            return None
        if self._change.touches(tenant) or self._is_other(tenant, record, desired):
            return desired
        return None

    def _is_other(self, tenant: MeshTenant, record: TenantRecord | None, desired: Desired) -> bool:
        """Tell whether what is known around a tenant has changed what is wanted of it."""
        return content_of(self._desired(self._change.before, tenant, record)) != content_of(desired)

    def _desired(self, world: World, tenant: MeshTenant, record: TenantRecord | None) -> Desired:
        told = world.told(tenant, self._default_zone)
        told = told if self._says_who(tenant) else replace(told, access=None)
        return desired_of(told, None) if record is None else desired_of(told, record.desired, record.handles.account_id)

    def _says_who(self, tenant: MeshTenant) -> bool:
        """Tell whether objects say who has access, or have just said so: then nobody else has any.

        A tenant that was ordered in another way keeps its people until a first binding of its project comes.
        """
        worlds = self._change.before, self._change.after
        return any(world.has_bindings(tenant.project_key) for world in worlds)


def order(
    tenant: TenantId, record: TenantRecord | None, desired: Desired, connector: Connector, by: str | None
) -> str | None:
    """Order a tenant; answers why it cannot be. Then those lose access at least who are to have none."""
    where = tenant.workspace, tenant.project, tenant.platform
    try:
        replicate(*where, desired, by=by, connector=connector)
    except RequestRefused as refused:
        if record is not None:
            withdraw(record, desired, by=by, connector=connector)
        return "; ".join(map(str, refused.mistakes))
    return None


def tenant_id(tenant: MeshTenant) -> TenantId:
    """Name a tenant as everywhere else."""
    return TenantId(tenant.metadata.workspace, tenant.metadata.project, tenant.named_platform or "")


def key_of_tenant(tenant: MeshTenant) -> str:
    """Name a tenant among all objects."""
    return key_of("meshTenant", tenant.name)


def _project_of(each: Imported) -> str | None:
    binding = each.object
    if not isinstance(binding, Binding) or binding.in_workspace:
        return None
    return key_of("meshProject", f"{binding.workspace}.{binding.target_ref.name}")


def _going(record: TenantRecord) -> str:
    assert record.deletion is not None
    asked = f"{record.deletion.requested_at:%F %R} UTC"
    if record.deleted_at is not None:
        return f"was deleted (asked for at {asked}); order it again with PUT /api/v1/tenants/… to have it back"
    return f"is being deleted since {asked}; decline that, or order it again with PUT /api/v1/tenants/…, to keep it"
