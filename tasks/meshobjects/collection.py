"""What an import into a collection deletes, and what it must never delete by mistake.

An empty or a cut body looks like one that leaves objects out on purpose. So nothing is deleted when an import holds no
object or one that failed, and more than usual only when the request says how many.
"""

from __future__ import annotations

from collections.abc import Iterable

from tasks.state.objects import StoredObject

USUAL_PART = 2  # of a collection's objects half may be missing
USUAL_TENANTS = 10  # and of its tenants a tenth
TENANT = "meshTenant "


class ImportRefused(ValueError):
    """The whole import was refused, and nothing was done; the text says why."""


def missing(members: Iterable[StoredObject], keys: set[str], agreed: int) -> list[StoredObject]:
    """Return what is to be deleted; raises ImportRefused when that is more than usual.

    keys     of the objects that are in the import
    agreed   how many objects the request says may be deleted; 0: it says nothing
    """
    members = list(members)
    gone = [each for each in members if each.key not in keys]
    tenants = sum(each.key.startswith(TENANT) for each in gone)
    of_tenants = sum(each.key.startswith(TENANT) for each in members)
    usual = max(1, len(members) // USUAL_PART), max(1, of_tenants // USUAL_TENANTS)
    if (len(gone) > usual[0] or tenants > usual[1]) and agreed < len(gone):
        raise ImportRefused(
            f"This import would delete {len(gone)} of the {len(members)} objects of the collection, {tenants} of them "
            f"tenants. If that is meant, send it again with deletions={len(gone)} in the query."
        )
    return gone


def check_not_empty(documents: int) -> None:
    """Refuse an import into a collection that holds nothing: it would delete everything."""
    if not documents:
        raise ImportRefused(
            "This import holds no object, and an empty import deletes no collection. Leave at least one object in it."
        )
