"""Who can enter a tenant's account, beside who was ordered to: as the handles know it, without AWS.

The handles are a hint: where they do not know, this says so. Nobody is ever left out who may still be in.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from config.catalog import Catalog
from config.federation import federated_roles
from config.landing_zone import effective_role_mappings
from tasks import names
from tasks.model.desired import Tenant
from tasks.model.handles import Group, Handles
from tasks.orders.withdrawn import as_wanted
from tasks.permissions.groups import allowed_people
from tasks.state.records import TenantRecord


class Standing(StrEnum):
    """How somebody stands to one role."""

    IN = "IN"  # can enter, and nothing says that they should not
    LATE = "LATE"  # ordered, and cannot enter yet
    OUT = "OUT"  # not ordered any more, and may still enter
    UNREAD = "UNREAD"  # ordered, and nobody has read yet whether they can enter


@dataclass(frozen=True)
class Access:
    """One person's access by one role."""

    user_name: str  # in the identity store
    role: str  # the AWS role
    standing: Standing
    group: Group | None = None  # the group that gives it; None: federation, or there is none yet


def accesses(record: TenantRecord, catalog: Catalog) -> list[Access]:
    """Return everybody who can enter the account, or was ordered to, by name and role.

    People of federated roles are those whom the broker lets in by their project roles; their sign-ins are not ours.
    """
    tenant = as_wanted(record, catalog)
    found = _put_in(record) if tenant is None else [*_by_group(tenant, record), *_by_federation(tenant, record)]
    return sorted(found, key=lambda each: (each.user_name, each.role))


def doubts(record: TenantRecord, catalog: Catalog) -> Iterator[str]:
    """Say why the list may not be whole, a sentence for each reason."""
    handles = record.handles
    if record.id.platform not in catalog.platforms:
        yield (
            "The platform is no longer configured, so it is unknown who may use its roles, and nobody is removed. "
            "The list shows who had access before."
        )
    if handles.account_id is None:
        return
    if handles.doubt is not None:
        yield "The connector is reading AWS again, because its records may be old. Others may have access too."
    for name, group in handles.groups.items():
        if group.id is not None and group.people is None:
            yield f"The members of the group {name} have not been read yet."
    for name, role in (handles.sign_in_roles or {}).items():
        if not role.project_roles:
            yield f"It is not known yet who may use the role {name}; your identity provider may let people in."


def _put_in(record: TenantRecord) -> Iterator[Access]:
    """Yield those who were let in, where the platform's document is gone: nobody knows who still should be."""
    for group in record.handles.groups.values():
        for person in group.people or ():
            yield Access(person, group.role, Standing.IN, group)
    for name, role in (record.handles.sign_in_roles or {}).items():
        for ordered in record.desired.access:
            if not set(ordered.roles).isdisjoint(role.project_roles):
                yield Access(ordered.euid or ordered.username, name, Standing.IN)


def _by_group(tenant: Tenant, record: TenantRecord) -> Iterator[Access]:
    seen: set[tuple[str, str]] = set()
    for group in record.handles.groups.values():
        allowed = allowed_people(tenant, record.handles, group)
        for person in group.people or ():
            seen.add((person, group.role))
            yield Access(person, group.role, _standing(tenant, group) if person in allowed else Standing.OUT, group)
    if tenant.platform.identity_center is None:
        return
    unread = {each.role for each in record.handles.groups.values() if each.id is not None and each.people is None}
    for role, members in names.role_members(tenant).items():
        missing = Standing.UNREAD if role in unread or _is_in_doubt(record.handles) else Standing.LATE
        yield from (Access(person, role, missing) for person in members if (person, role) not in seen)


def _standing(tenant: Tenant, group: Group) -> Standing:
    """Return how somebody stands who is in a group, and should be."""
    if group.permission_sets is None:
        return Standing.UNREAD
    mappings = effective_role_mappings(tenant.platform, tenant.landing_zone)
    gives = any(each.permission_set_arns for each in mappings if each.aws_role == group.role)
    return Standing.LATE if gives and not group.permission_sets else Standing.IN


def _by_federation(tenant: Tenant, record: TenantRecord) -> Iterator[Access]:
    known = record.handles.sign_in_roles
    seen: set[tuple[str, str]] = set()
    for name, role in (known or {}).items():
        for person in names.people_with(tenant, set(role.project_roles)):
            seen.add((person, name))
            yield Access(person, name, Standing.IN)
    missing = Standing.UNREAD if known is None and record.handles.account_id else Standing.LATE
    for wanted in federated_roles(tenant.platform, tenant.landing_zone):
        people = names.people_with(tenant, set(wanted.project_roles))
        yield from (Access(person, wanted.name, missing) for person in people if (person, wanted.name) not in seen)


def _is_in_doubt(handles: Handles) -> bool:
    return handles.account_id is not None and handles.doubt is not None
