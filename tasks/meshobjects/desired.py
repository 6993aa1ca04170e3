"""The one function from meshObjects to a tenant's order. Imports, the pull and the runner all use it.

What the objects do not say stays as it is stored of the tenant. So a tenant does not move to another landing zone, and
loses no tags, because something could not be read. Who has access is said in full, or not at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tasks.model.desired import CONTROL_CHARACTERS, Desired, Person
from tasks.orders.producer import parse_desired

LONGEST = 255  # characters of a text in an order
Document = Mapping[str, Any]


@dataclass(frozen=True)
class Told:
    """What is known of a tenant; None: nothing of that."""

    access: Iterable[Person] | None  # everybody who is to have any; None: as it is stored
    default_landing_zone: str
    landing_zone: str | None = None
    account: str | None = None  # that is to be taken over, or that it has
    workspace: Document | None = None  # a meshWorkspace
    project: Document | None = None  # a meshProject
    payment_method: Document | None = None  # the meshPaymentMethod that the project names
    project_tags: Mapping[str, list[str]] | None = None  # in place of those of the project


def desired_of(told: Told, known: Desired | None, account: str | None = None) -> Desired:
    """Make the order of a tenant.

    known     what is stored of the tenant; None: it is new
    account   that it has: to hear of that one is no news, and no order to take it over
    Raises RequestRefused for what no order may hold.
    """
    stored = (
        {} if known is None else known.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude_none=True)
    )
    tags = told.project_tags if told.project_tags is not None else tags_of(told.project)
    found = {
        "landingZone": told.landing_zone or stored.get("landingZone") or told.default_landing_zone,
        "platformTenantId": (told.account if told.account != account else None) or stored.get("platformTenantId"),
        "tenantPlatformNumber": stored.get("tenantPlatformNumber"),
        "workspace": _overlaid(stored.get("workspace"), _named(told.workspace, tags_of(told.workspace))),
        "project": _overlaid(stored.get("project"), _named(told.project, tags)),
        "paymentMethod": _payment(told) or stored.get("paymentMethod"),
        "access": stored.get("access", []) if told.access is None else [_plain(person) for person in told.access],
    }
    return parse_desired({name: value for name, value in found.items() if value is not None and value != {}})


def payment_method_of(project: Document | None) -> str | None:
    """Name the payment method of a project; None: it has none."""
    name = at(project, "spec", "paymentMethodIdentifier")
    return name if isinstance(name, str) and name else None


def tags_of(found: Document | None) -> dict[str, list[str]] | None:
    """Return the tags of an object, wherever its version has them; None: it says nothing of tags."""
    for path in (("metadata", "tags"), ("spec", "tags"), ("metadata", "assignedTags"), ("status", "tags")):
        if isinstance(tags := at(found, *path), dict):
            return {str(key): [clean(str(each)) for each in it] for key, it in tags.items() if isinstance(it, list)}
    return None


def at(found: Document | None, *path: str) -> Any:
    """Return what stands at a path of an object; None: nothing."""
    here: Any = found
    for part in path:
        here = here.get(part) if isinstance(here, dict) else None
    return here


def clean(text: str) -> str:
    """Return a text as an order may hold it: people write what they like into meshStack."""
    return "".join(" " if each in CONTROL_CHARACTERS else each for each in text)[:LONGEST]


def _named(found: Document | None, tags: Mapping[str, list[str]] | None) -> dict[str, Any]:
    name = at(found, "spec", "displayName")
    named = {"displayName": clean(name)} if isinstance(name, str) else {}
    return named if tags is None else {**named, "tags": tags}


def _payment(told: Told) -> dict[str, Any] | None:
    name, found = payment_method_of(told.project), told.payment_method
    if name is None:
        return None
    named = {
        "name": at(found, "spec", "displayName"),
        "expirationDate": at(found, "spec", "expirationDate"),
        "amount": at(found, "spec", "amount"),
    }
    texts = {key: clean(str(value)) for key, value in named.items() if value is not None}
    return {"identifier": name, **texts, "tags": tags_of(found) or {}}


def _plain(person: Person) -> dict[str, Any]:
    return person.model_dump(mode="json", by_alias=True, exclude_none=True)


def _overlaid(stored: Any, read: Mapping[str, Any]) -> dict[str, Any]:
    return {**(stored if isinstance(stored, dict) else {}), **read}
