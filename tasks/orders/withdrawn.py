"""What an order takes away, and who may still be in an account although the newest word does not give it to them.

Without AWS, for whoever asks. Nobody is still in after some seconds, but while the tenant is paused, or AWS refuses to
take somebody out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from config.catalog import Catalog
from tasks.errors import PermanentError
from tasks.model.desired import Deletion, Desired, Person, Tenant, TenantId
from tasks.model.handles import Handles
from tasks.permissions.groups import allowed_people, without_people
from tasks.resolve import resolved
from tasks.state.records import TenantRecord


def still_in(record: TenantRecord, catalog: Catalog) -> frozenset[str]:
    """Return the userNames of those whom we have let in, and have not taken out, against the newest order."""
    return _still_in(as_wanted(record, catalog), record.handles)


def still_in_against(tenant: TenantId, desired: Desired, handles: Handles, catalog: Catalog) -> frozenset[str]:
    """Return the same for an order of a tenant with these handles."""
    return _still_in(_wanted(tenant, desired, handles, catalog), handles)


def _still_in(wanted: Tenant | None, handles: Handles) -> frozenset[str]:
    if wanted is None:
        return frozenset()
    people = (
        frozenset(group.people or ()) - allowed_people(wanted, handles, group) for group in handles.groups.values()
    )
    return frozenset().union(*people)


def as_wanted(record: TenantRecord, catalog: Catalog) -> Tenant | None:
    """Return the tenant as its newest order wants it, without people when it is to go, or gone.

    None: the platform's document is gone, and nobody knows whom its roles let in.
    """
    return _wanted(record.id, record.desired, record.handles, catalog, record.deletion)


def _wanted(
    tenant: TenantId, desired: Desired, handles: Handles, catalog: Catalog, deletion: Deletion | None = None
) -> Tenant | None:
    try:
        found = resolved(catalog, tenant, desired, handles, deletion, needs_landing_zone=False)
    except PermanentError:
        return None
    return found if deletion is None else without_people(found)


def left_out(desired: Desired, record: TenantRecord) -> int:
    """Count the people to whom the stored order gives a role that this one does not give them."""
    if record.deletion is not None:  # nobody has any
        return 0
    given, now = _roles(record.desired.access), _roles(desired.access)
    return sum(not roles <= now.get(person, set()) for person, roles in given.items())


def without_left_out(desired: Desired, record: TenantRecord) -> Desired:
    """Return the stored order without the people and roles that this one does not give."""
    now = _roles(desired.access)
    return record.desired.model_copy(update={"access": list(_kept(record.desired.access, now))})


def _kept(people: Iterable[Person], now: Mapping[str, set[str]]) -> Iterator[Person]:
    for person in people:
        roles = [role for role in person.roles if role in now.get(_who(person), ())]
        if roles:
            yield person.model_copy(update={"roles": roles})


def only_takes_away(desired: Desired, record: TenantRecord) -> bool:
    """Tell whether an order differs from the stored one in nothing but people and roles that are gone."""
    if record.deletion is not None or _but_access(desired) != _but_access(record.desired):
        return False
    given, now = _roles(record.desired.access), _roles(desired.access)
    return given != now and all(roles <= given.get(person, set()) for person, roles in now.items())


def _but_access(desired: Desired) -> dict[str, object]:
    return desired.model_dump(exclude={"access"})


def _roles(access: Iterable[Person]) -> dict[str, set[str]]:
    """Return each person, as JSON text without the roles, with the roles."""
    found: dict[str, set[str]] = {}
    for person in access:
        found.setdefault(_who(person), set()).update(person.roles)
    return found


def _who(person: Person) -> str:
    return person.model_dump_json(exclude={"roles"})
