"""Whether the groups of tenants prove whose they are: those that replications would adopt, or fail at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from config.printable import counted
from tasks.doctor.finding import Finding, error, ok, warning
from tasks.doctor.patient import Patient
from tasks.errors import NotOurs
from tasks.model.desired import Tenant
from tasks.model.handles import Handles
from tasks.permissions.groups import MappedRole, mapped_roles
from tasks.permissions.proven_groups import ProvenGroups

MOST_TENANTS = 500  # that are read
MOST_GROUPS = 50  # that are looked up, each at the cost of three calls at most


@dataclass(frozen=True)
class Unseen:
    """A group that a tenant may have, and whose proof no replication has seen."""

    tenant: Tenant
    handles: Handles
    name: str
    role: MappedRole


def group_proofs(patient: Patient) -> Iterator[Finding]:
    """See whose the groups are that no replication has seen yet, at most MOST_GROUPS.

    Reads    identitystore:GetGroupId, DescribeGroup (or scim:ListGroups) 1 for each;
             sso:ListAccountAssignmentsForPrincipal 1 for each without a proof, where groups are adopted
    """
    if patient.platform.identity_center is None:
        return
    tenants = list(islice(_tenants(patient), MOST_TENANTS))
    unseen = [each for tenant, handles in tenants for each in _unseen(tenant, handles)]
    for each in unseen[:MOST_GROUPS]:
        yield from _judged(patient, each)
    looked = min(len(unseen), MOST_GROUPS)
    rest = f"; {len(unseen) - looked} more are not checked" if looked < len(unseen) else ""
    groups = f"{counted(looked, 'group')}, of {counted(len(tenants), 'tenant')}"
    yield ok(f"checked {groups}, which no replication has seen yet{rest}")


def _tenants(patient: Patient) -> Iterator[tuple[Tenant, Handles]]:
    worker, platform = patient.worker, patient.platform
    for summary in worker.store.tenants.listed():
        record = worker.store.tenants.find(summary.id) if summary.id.platform == platform.identifier else None
        if record is None or record.deleted_at is not None:
            continue
        zone = worker.catalog.landing_zones.get(record.desired.landing_zone)
        if zone is not None:
            yield Tenant(record.id, record.desired, platform, zone, record.deletion), record.handles


def _unseen(tenant: Tenant, handles: Handles) -> Iterator[Unseen]:
    for name, role in mapped_roles(tenant).items():
        group = handles.groups.get(name)
        if group is None or (group.id is None and role.used):
            yield Unseen(tenant, handles, name, role)


def _judged(patient: Patient, group: Unseen) -> Iterator[Finding]:
    proven = ProvenGroups(group.tenant, group.handles.account_id, patient.aws)
    proof = proven.proof(group.role.name)
    found = proven.directory.find_group(group.name, proof.text)
    if found is None or found.mark == proof.text:
        return
    try:
        proven.adoptable(found, proof)
    except NotOurs as refused:
        yield (error if group.role.used else warning)(refused.message, refused.remedy)
    else:
        yield ok(f"the group {group.name!r} carries no proof and would be adopted for {proof}")
