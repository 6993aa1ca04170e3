"""Take meshObjects: check them, order the tenants whose desired state they change, and keep them.

Tenants are ordered before the objects are kept. So when this process dies in between, the same import does the rest:
nothing that was answered is forgotten, and no access that an import takes away survives it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from config.imported import KINDS as CONFIGURATION
from tasks.connector import Connector
from tasks.meshobjects.collection import check_not_empty, missing
from tasks.meshobjects.configuration import Configured, check_removal, checked
from tasks.meshobjects.kinds import Imported, read_object, single, title, title_unread
from tasks.meshobjects.loading import around
from tasks.meshobjects.mesh_tenant import MeshTenant
from tasks.meshobjects.ordering import Change, Ordering, Refusal, key_of_tenant, tenant_id
from tasks.meshobjects.platforms import by_uuid, with_platform
from tasks.meshobjects.rows import Invalid, ResultCode, Row
from tasks.meshobjects.world import World
from tasks.state.objects import StoredObject

LOCK = "meshobjects"
LONGEST = timedelta(minutes=10)  # of one import
WAIT = timedelta(seconds=20)  # for another import
NOT_FOUND = {
    ResultCode.WORKSPACE_NOT_FOUND: "the meshWorkspace is not known: import it first, or with it",
    ResultCode.PROJECT_NOT_FOUND: "the meshProject is not known: import it first, or with it",
}


class Busy(Exception):
    """Another import takes long; nothing was done."""


@dataclass(frozen=True)
class Wanted:
    """What an import is told beside its objects."""

    by: str | None  # who asks, for the record
    collection: str | None = None
    deletions: int = 0  # how many objects of the collection may be missing
    configures: bool = True  # False: who asks may change no document of the configuration


def import_objects(documents: list[Any], wanted: Wanted, connect: Callable[[], Connector]) -> list[Row]:
    """Import objects; answers a row for each, in their order, then one for each that was missing in the collection.

    connect   gives the connector with the configuration that is in force
    Raises ImportRefused when nothing may be done, Busy, redis.RedisError when Redis is away.
    """
    if wanted.collection is not None:
        check_not_empty(len(documents))
    with connect().store.locks.held(LOCK, LONGEST, WAIT) as ours:
        if not ours:
            raise Busy
        return _Import(wanted, connect).run(documents)


class _Import:
    """One import on its way."""

    def __init__(self, wanted: Wanted, connect: Callable[[], Connector]) -> None:
        self._wanted = wanted
        self._connect = connect
        self._store = connect().store
        self._rows: list[Row] = []
        self._items: dict[str, tuple[Row, Imported]] = {}  # by key; what has failed leaves
        self._gone: dict[str, StoredObject] = {}  # what the collection loses

    def run(self, documents: list[Any]) -> list[Row]:
        self._read(documents)
        configured = checked(self._items.values(), self._connect())
        self._name_platforms(configured)
        named = set(self._items)
        members = self._members()
        before = around(self._store.objects, [*(each.stored(None) for _, each in self._items.values()), *members])
        self._check_needs(before)
        self._choose_gone(members, named)
        known = self._known(before)
        configured = self._let_go(known, configured)
        if configured.kept or configured.removed:
            self._store.documents.change(configured.kept, configured.removed)
        self._order(known)
        kept = (each.stored(self._collection(before.get(key))) for key, (_, each) in self._items.items())
        self._store.objects.change([each for each in kept if before.get(each.key) != each], self._gone)
        for _, each in self._items.values():
            tenant = each.object
            if isinstance(tenant, MeshTenant) and tenant.metadata.uuid is not None:
                self._store.runs.name_tenant(tenant_id(tenant), tenant.metadata.uuid.lower())
        return self._rows

    def _read(self, documents: list[Any]) -> None:
        for document in documents:
            row = Row(title_unread(document))
            self._rows.append(row)
            try:
                found = [*map(read_object, single(document))]
                row.name = title(found) if found else row.name
                for each in found:
                    self._take(row, each)
            except Invalid as error:
                row.fail(str(error), error.code)
        self._drop_failed()

    def _take(self, row: Row, each: Imported) -> None:
        self._check_allowed(each.key)
        if each.key in self._items:
            raise Invalid("appears twice in this import")
        self._items[each.key] = row, each

    def _check_allowed(self, key: str) -> None:
        """Refuse a change of the configuration by somebody who may only order."""
        if not self._wanted.configures and _configures(key):
            raise Invalid(f"the token {self._wanted.by} may not change the configuration; that needs the scope admin")

    def _drop_failed(self) -> None:
        self._items = {key: (row, each) for key, (row, each) in self._items.items() if not row.failed}

    def _name_platforms(self, configured: Configured) -> None:
        """Give tenants that know their platform by its UUID its name."""
        identifiers = by_uuid(configured.catalog)
        named: dict[str, tuple[Row, Imported]] = {}
        for row, each in self._items.values():
            found = with_platform(each, identifiers)
            if found is None or found.key in named:
                row.fail("spec.platformRef.uuid is not that of a known platform, or the tenant appears here twice")
            else:
                named[found.key] = row, found
        self._items = named

    def _members(self) -> list[StoredObject]:
        collection = self._wanted.collection
        return [] if collection is None else list(self._store.objects.in_collection(collection).values())

    def _check_needs(self, before: Mapping[str, StoredObject]) -> None:
        """Refuse what belongs to nothing; what belongs to that then, too."""
        while True:
            count = len(self._items)
            for row, each in self._items.values():
                lacks = [
                    code for key, code in each.object.needs.items() if key not in before and key not in self._items
                ]
                if lacks:
                    row.fail(NOT_FOUND[lacks[0]], lacks[0])
            self._drop_failed()
            if len(self._items) == count:
                return

    def _choose_gone(self, members: Iterable[StoredObject], named: set[str]) -> None:
        """Choose what is missing; nothing when anything failed, for then nobody knows whether it was left out."""
        failed = [row for row in self._rows if row.failed]
        left_out = [each for each in members if each.key not in named]
        if failed and left_out:
            for row in failed:
                row.remark(f"so none of the {len(left_out)} objects was deleted that are missing in the collection")
        elif left_out:
            self._gone = {each.key: each for each in missing(members, named, self._wanted.deletions)}

    def _known(self, before: Mapping[str, StoredObject]) -> dict[str, Imported]:
        """Read what is stored; what a newer connector has stored, and we cannot read, is not there."""
        known: dict[str, Imported] = {}
        for key, stored in before.items():
            _, same = self._items.get(key, (None, None))
            if same is not None and same.document == stored.document:
                known[key] = same
                continue
            with suppress(Invalid):
                known[key] = read_object(stored.document)
        return known

    def _let_go(self, known: Mapping[str, Imported], configured: Configured) -> Configured:
        """Keep of what is missing that which something else still needs."""
        needing = self._needing(known) if self._gone else {}
        for each in list(self._gone.values()):
            row = Row(title([known[each.key]]) if each.key in known else title_unread(each.document))
            self._rows.append(row)
            try:
                self._check_allowed(each.key)
                if _configures(each.key):
                    configured = check_removal(each.key, configured, self._connect())
                self._check_unneeded(needing.get(each.key, ()))
                row.remark("is missing in the collection, so it was deleted")
            except Invalid as error:
                row.fail(f"is missing in the collection, but {error}", error.code)
                del self._gone[each.key]
        return configured

    def _needing(self, known: Mapping[str, Imported]) -> dict[str, list[Imported]]:
        """Return, for each object that is missing, those that belong to it."""
        found: dict[str, list[Imported]] = {}
        for each in {**known, **{key: each for key, (_, each) in self._items.items()}}.values():
            for key in each.object.needs:
                if key in self._gone:
                    found.setdefault(key, []).append(each)
        return found

    def _check_unneeded(self, needing: Iterable[Imported]) -> None:
        left = sorted(title([each]) for each in needing if each.key not in self._gone)
        if left:
            raise Invalid(f"{left[0]} still belongs to it")

    def _after(self, known: Mapping[str, Imported]) -> dict[str, Imported]:
        left = {key: each for key, each in known.items() if key not in self._gone}
        return {**left, **{key: each for key, (_, each) in self._items.items()}}

    def _order(self, known: Mapping[str, Imported]) -> None:
        change = Change(
            before=World(known),
            after=World(self._after(known)),
            imported={key: each for key, (_, each) in self._items.items()},
        )
        ordering = Ordering(self._connect(), change, self._wanted.by)
        for each in self._gone.values():
            tenant = read_object(each.document).object
            if isinstance(tenant, MeshTenant):
                ordering.delete(tenant_id(tenant))
        self._tell(change, ordering.run())

    def _tell(self, change: Change, refusals: Iterable[Refusal]) -> None:
        """Say which tenants could not be ordered; what such a tenant's own object said is not kept."""
        rows = {key: row for key, (row, _) in self._items.items()}
        for refusal in refusals:
            own = key_of_tenant(refusal.tenant)
            if own in rows:
                rows[own].fail(refusal.why)
                self._items.pop(own, None)
                continue
            about = [rows[key] for key in change.about(refusal.tenant)] or self._rows[-len(self._gone) :]
            for row in about:
                row.fail(f"the tenant {refusal.tenant.name} is not ordered: {refusal.why}")

    def _collection(self, before: StoredObject | None) -> str | None:
        """Name the collection that an object belongs to from now on."""
        return self._wanted.collection or (before.collection if before is not None else None)


def _configures(key: str) -> bool:
    return key.partition(" ")[0] in CONFIGURATION
