"""What the inputs of a run do not say is read from meshStack, where our API key may; then what the tenant has counts.

Precedence: the run's inputs, meshStack, what is stored of the tenant, the defaults of the document `connectorRunner`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from config.runner_document import RunnerMapping
from tasks.meshobjects.desired import Told, at, desired_of, payment_method_of, tags_of
from tasks.meshstack.objects import Objects
from tasks.model.desired import Desired
from tasks.state.records import TenantRecord
from workers.runner.record import Wanted


def complete(wanted: Wanted, known: TenantRecord | None, mapping: RunnerMapping, objects: Objects) -> Desired:
    """Make the order of a run.

    known   what is stored of the tenant; None: it is new
    Raises Away when meshStack cannot be asked now, RequestRefused for what no order may hold.
    """
    tenant = objects.tenant(wanted.tenant_uuid) if wanted.tenant_uuid and _lacks(wanted) else None
    project = objects.project(wanted.workspace, wanted.project)
    method = payment_method_of(project)
    tags = wanted.tags
    if tags is None and tags_of(project) is None:
        tags = tags_of(tenant)
    told = Told(
        access=wanted.users or (),
        default_landing_zone=mapping.landing_zone,
        landing_zone=wanted.landing_zone or _zone(tenant),
        account=wanted.account_id,
        workspace=objects.workspace(wanted.workspace),
        project=project,
        payment_method=None if method is None else objects.payment_method(method),
        project_tags=tags,
    )
    return desired_of(told, None) if known is None else desired_of(told, known.desired, known.handles.account_id)


def _lacks(wanted: Wanted) -> bool:
    return wanted.landing_zone is None or wanted.tags is None


def _zone(tenant: Mapping[str, Any] | None) -> str | None:
    zone = at(tenant, "spec", "landingZoneRef", "name") or at(tenant, "spec", "landingZoneIdentifier")
    return zone if isinstance(zone, str) else None
