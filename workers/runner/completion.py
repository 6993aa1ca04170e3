"""What the inputs of a run do not say is read from meshStack, where our API key may; then what the tenant has counts.

Precedence: the run's inputs, meshStack, what is stored of the tenant, the defaults of the document `connectorRunner`.
So a tenant never moves, and never loses its tags, because meshStack could not be read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from config.runner_document import RunnerMapping
from tasks.meshstack.objects import Objects
from tasks.model.desired import CONTROL_CHARACTERS, Desired
from tasks.orders.producer import parse_desired
from workers.runner.record import Wanted

LONGEST = 255  # characters of a text in an order


def complete(wanted: Wanted, known: Desired | None, mapping: RunnerMapping, objects: Objects) -> Desired:
    """Make the order of a run.

    known   what is stored of the tenant; None: it is new
    Raises Away when meshStack cannot be asked now, RequestRefused for what no order may hold.
    """
    stored = (
        {} if known is None else known.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude_none=True)
    )
    tenant = objects.tenant(wanted.tenant_uuid) if wanted.tenant_uuid and _lacks(wanted) else None
    project = objects.project(wanted.workspace, wanted.project)
    workspace = objects.workspace(wanted.workspace)
    zone = wanted.landing_zone or _zone(tenant) or stored.get("landingZone") or mapping.landing_zone
    tags = wanted.tags if wanted.tags is not None else _tags(project, "spec")
    if tags is None:
        tags = _tags(tenant, "status")
    found = {
        "landingZone": zone,
        "platformTenantId": wanted.account_id or stored.get("platformTenantId"),
        "tenantPlatformNumber": stored.get("tenantPlatformNumber"),
        "workspace": _overlaid(stored.get("workspace"), _named(workspace, _tags(workspace, "metadata"))),
        "project": _overlaid(stored.get("project"), _named(project, tags)),
        "paymentMethod": _payment(project, objects) or stored.get("paymentMethod"),
        "access": [person.model_dump(mode="json", by_alias=True, exclude_none=True) for person in wanted.users or ()],
    }
    return parse_desired({name: value for name, value in found.items() if value is not None and value != {}})


def _lacks(wanted: Wanted) -> bool:
    return wanted.landing_zone is None or wanted.tags is None


def _zone(tenant: Mapping[str, Any] | None) -> str | None:
    zone = _at(tenant, "spec", "landingZoneRef", "name") or _at(tenant, "spec", "landingZoneIdentifier")
    return zone if isinstance(zone, str) else None


def _named(found: Mapping[str, Any] | None, tags: Mapping[str, list[str]] | None) -> dict[str, Any]:
    name = _at(found, "spec", "displayName")
    named = {"displayName": _printable(name)} if isinstance(name, str) else {}
    return named if tags is None else {**named, "tags": tags}


def _tags(found: Mapping[str, Any] | None, part: str) -> dict[str, list[str]] | None:
    tags = _at(found, part, "tags")
    if not isinstance(tags, dict):
        return None
    return {
        str(key): [_printable(str(each)) for each in values] for key, values in tags.items() if isinstance(values, list)
    }


def _payment(project: Mapping[str, Any] | None, objects: Objects) -> dict[str, Any] | None:
    name = _at(project, "spec", "paymentMethodIdentifier")
    if not isinstance(name, str) or not name:
        return None
    found = objects.payment_method(name)
    named = {
        "name": _at(found, "spec", "displayName"),
        "expirationDate": _at(found, "spec", "expirationDate"),
        "amount": _at(found, "spec", "amount"),
    }
    texts = {key: _printable(str(value)) for key, value in named.items() if value is not None}
    return {"identifier": name, **texts, "tags": _tags(found, "spec") or {}}


def _overlaid(stored: Any, read: Mapping[str, Any]) -> dict[str, Any]:
    return {**(stored if isinstance(stored, dict) else {}), **read}


def _at(found: Mapping[str, Any] | None, *path: str) -> Any:
    here: Any = found
    for part in path:
        here = here.get(part) if isinstance(here, dict) else None
    return here


def _printable(text: str) -> str:
    """Return a text as an order may hold it: people write what they like into meshStack."""
    return "".join(" " if each in CONTROL_CHARACTERS else each for each in text)[:LONGEST]
