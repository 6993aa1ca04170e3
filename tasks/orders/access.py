"""Who can enter a tenant's account, beside who was ordered to: as the handles know it, without AWS."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from config.catalog import Catalog
from tasks import names
from tasks.model.desired import Tenant
from tasks.model.handles import Group
from tasks.orders.withdrawn import as_wanted
from tasks.permissions.groups import allowed_people
from tasks.state.records import TenantRecord


class Standing(StrEnum):
    """How somebody stands to one role."""

    IN = "IN"  # ordered, and can enter
    LATE = "LATE"  # ordered, and cannot enter yet
    OUT = "OUT"  # not ordered any more, and may still enter


@dataclass(frozen=True)
class Access:
    """One person's access by one role."""

    user_name: str  # in the identity store
    role: str  # the AWS role
    standing: Standing
    group: Group | None = None  # the group that gives it; None: federation, or there is none yet

    @property
    def put_in_at(self) -> datetime | None:
        """When somebody was put into that group last; None: nobody knows."""
        return self.group.put_in_at if self.group else None


def accesses(record: TenantRecord, catalog: Catalog) -> list[Access]:
    """Return everybody who can enter the account, or was ordered to, by name and role.

    People of federated roles are those whom the broker lets in by their project roles; their sign-ins are not ours.
    """
    tenant = as_wanted(record, catalog)
    if tenant is None:
        return []
    found = [*_by_group(tenant, record), *_by_federation(tenant, record)]
    return sorted(found, key=lambda each: (each.user_name, each.role))


def _by_group(tenant: Tenant, record: TenantRecord) -> Iterator[Access]:
    seen: set[tuple[str, str]] = set()
    for group in record.handles.groups.values():
        inside, allowed = set(group.people or ()), allowed_people(tenant, record.handles, group)
        for person in sorted(inside | (allowed if group.id is not None else set())):
            standing = Standing.LATE if person not in inside else Standing.IN if person in allowed else Standing.OUT
            seen.add((person, group.role))
            yield Access(person, group.role, standing, group)
    if tenant.platform.identity_center is None:
        return
    for role, members in names.role_members(tenant).items():
        for person in members:
            if (person, role) not in seen:
                yield Access(person, role, Standing.LATE)


def _by_federation(tenant: Tenant, record: TenantRecord) -> Iterator[Access]:
    for name, role in (record.handles.sign_in_roles or {}).items():
        for person in names.people_with(tenant, set(role.project_roles)):
            yield Access(person, name, Standing.IN)
