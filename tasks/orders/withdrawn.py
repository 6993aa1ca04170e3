"""Who may still be in an account although the newest word does not give it to them: for whoever asks, without AWS.

That is nobody after some seconds, but while the tenant is paused, or AWS refuses to take somebody out.
"""

from __future__ import annotations

from config.catalog import Catalog
from tasks.errors import PermanentError
from tasks.permissions.groups import allowed_people, without_people
from tasks.resolve import resolved
from tasks.state.records import TenantRecord


def still_in(record: TenantRecord, catalog: Catalog) -> frozenset[str]:
    """Return the userNames of those whom we have let in, and have not taken out, against the newest order."""
    handles = record.handles
    deletion = record.deletion if record.deleted_at is None else None
    try:
        tenant = resolved(catalog, record.id, record.desired, handles, deletion, needs_landing_zone=False)
    except PermanentError:  # the platform's document is gone: nobody knows whom its roles let in
        return frozenset()
    wanted = tenant if deletion is None else without_people(tenant)
    people = (frozenset(group.people or ()) - allowed_people(wanted, group) for group in handles.groups.values())
    return frozenset().union(*people)
