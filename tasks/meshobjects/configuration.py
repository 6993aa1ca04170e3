"""Documents of the configuration in an import: checked with all others before any of them is kept.

A platform or landing zone with mistakes is refused alone; what refers to it then has a mistake of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from config.catalog import Catalog, CatalogError, load_catalog
from config.imported import IMPORTED
from tasks.connector import Connector
from tasks.meshobjects.kinds import Imported
from tasks.meshobjects.rows import Invalid, Row
from tasks.state.tenants import Selection


@dataclass
class Configured:
    """What an import makes of the configuration."""

    catalog: Catalog
    kept: dict[str, dict[str, Any]] = field(default_factory=dict)
    removed: list[str] = field(default_factory=list)


def checked(items: Iterable[tuple[Row, Imported]], connector: Connector) -> Configured:
    """Check documents together with those that are there; says in the rows what is wrong with some of them."""
    wanted = [(row, each) for row, each in items if each.is_configuration]
    if not wanted:
        return Configured(connector.catalog)
    stored = connector.store.documents.all()
    while True:
        kept = {each.key: each.document for _, each in wanted}
        documents = {**stored, **kept}
        numbers = dict(enumerate(documents, start=1))
        try:
            catalog = _load(connector, documents)
        except CatalogError as error:
            wanted = list(_without_mistakes(wanted, error, numbers))
            if not wanted:
                return Configured(connector.catalog)
            continue
        _remark(wanted, catalog, numbers)
        return Configured(catalog, {key: each for key, each in kept.items() if stored.get(key) != each})


def check_removal(key: str, configured: Configured, connector: Connector) -> Configured:
    """Remove a document too; raises Invalid when another one, or a tenant, needs it."""
    documents = {**connector.store.documents.all(), **configured.kept}
    removed = [*configured.removed, key]
    try:
        catalog = _load(connector, {name: each for name, each in documents.items() if name not in removed})
    except CatalogError as error:
        raise Invalid(f"other documents need it: {'; '.join(map(str, error.mistakes))}") from error
    for platform in configured.catalog.platforms.keys() - catalog.platforms.keys():
        _check_unused(Selection(platform=platform), connector)
    for zone in configured.catalog.landing_zones.keys() - catalog.landing_zones.keys():
        _check_unused(Selection(landing_zone=zone), connector)
    return Configured(catalog, configured.kept, removed)


def _check_unused(selection: Selection, connector: Connector) -> None:
    found, total = connector.store.tenants.page(selection, 0, 1)
    if total:
        raise Invalid(f"{total} tenants still use it, such as {found[0].id}")


def _load(connector: Connector, documents: Mapping[str, Mapping[str, Any]]) -> Catalog:
    return load_catalog([connector.settings.config_dir], secrets=False, imported=documents.values())


def _without_mistakes(
    wanted: list[tuple[Row, Imported]], error: CatalogError, numbers: Mapping[int, str]
) -> Iterable[tuple[Row, Imported]]:
    """Leave those out that have mistakes; all of them when it is not theirs alone, as for two that do not fit."""
    theirs: dict[str, list[str]] = {}
    for mistake in error.mistakes:
        if mistake.file == IMPORTED:
            theirs.setdefault(numbers[mistake.document], []).append(str(mistake).partition(": ")[2])
    nobodys = not any(each.key in theirs for _, each in wanted)
    for row, each in wanted:
        said = theirs.get(each.key) or ([str(mistake) for mistake in error.mistakes] if nobodys else None)
        if said is None:
            yield row, each
        else:
            row.fail("; ".join(said))


def _remark(wanted: list[tuple[Row, Imported]], catalog: Catalog, numbers: Mapping[int, str]) -> None:
    rows = {each.key: row for row, each in wanted}
    notes = {f"{IMPORTED} (document {number})": key for number, key in numbers.items()}
    for note in catalog.notes:
        where, _, text = note.partition(": ")
        if (row := rows.get(notes.get(where, ""))) is not None:
            row.remark(text)
