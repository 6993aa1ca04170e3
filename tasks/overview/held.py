"""Which tenants wait for a person, for a person's word, or are paused: no states, but what people ask for by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tasks.connector import Connector
from tasks.model.desired import TenantId
from tasks.model.replication import Held
from tasks.state.records import TenantSummary
from tasks.state.tenants import Selection

MOST = 10_000  # tenants of one kind


def held(connector: Connector, kind: Held, selection: Selection) -> list[TenantSummary]:
    """Return the tenants that are held up in this way and fit the rest of a selection, by name.

    As many reads as there are such tenants, some hundreds in a round trip.
    """
    names = set(_paused(connector) if kind is Held.PAUSED else _waiting(connector, kind))
    return [each for each in connector.store.tenants.those(sorted(names)) if selection.fits(each)]


def _waiting(connector: Connector, kind: Held) -> Iterable[str]:
    waiting = connector.store.registry.waiting(kind.value, MOST)
    return (each.tenant for each in connector.store.replications.those(waiting))


def _paused(connector: Connector) -> Iterator[str]:
    for name in connector.store.pauses.all():
        try:
            yield str(TenantId.parse(name))
        except ValueError:  # a platform, with all its tenants
            found, _ = connector.store.tenants.page(Selection(platform=name), 0, MOST)
            yield from (str(each.id) for each in found)
