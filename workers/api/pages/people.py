"""Who can enter a tenant's account, and since when: as far as its events tell who was put into a group when."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tasks.connector import Connector
from tasks.documents import AuditEntry
from tasks.orders.access import Access, Standing, accesses
from tasks.state.records import TenantRecord

MEMBERSHIP = "identitystore:create_group_membership"
ORDER = (Standing.OUT, Standing.LATE, Standing.UNREAD, Standing.IN)
SCIM_PATCH = "scim:patch_group"


@dataclass(frozen=True)
class Person:
    """Somebody who can enter the account, or is to."""

    access: Access
    since: datetime | None
    known_since: bool  # False: no event that is kept tells it


def people(connector: Connector, record: TenantRecord, events: Iterable[Mapping[str, Any]]) -> list[Person]:
    """Return everybody, with the newest moment at which each was put in.

    Those first who stand otherwise than they should.
    """
    put = [each for each in events if each.get("call") in (MEMBERSHIP, SCIM_PATCH) and each.get("code") is None]
    entries = connector.store.audit.those(filter(None, (each.get("audit") for each in put)))
    since = {
        inside: entry.at for entry in sorted(entries.values(), key=lambda entry: entry.at) for inside in _put_in(entry)
    }
    found = sorted(accesses(record, connector.catalog), key=lambda each: ORDER.index(each.standing))
    return [_person(each, record, since) for each in found]


def _put_in(entry: AuditEntry) -> Iterator[tuple[str, str]]:
    """Yield group and user of each membership that a call made."""
    sent: Any = entry.arguments if isinstance(entry.arguments, dict) else {}
    if entry.call == MEMBERSHIP:
        yield sent.get("GroupId", ""), sent.get("MemberId", {}).get("UserId", "")
    elif sent.get("change") == "add":
        yield from ((sent.get("group_id", ""), user) for user in sent.get("user_ids", ()))


def _person(access: Access, record: TenantRecord, since: Mapping[tuple[str, str], datetime]) -> Person:
    if access.group is None:
        return Person(access, None, known_since=True)
    known = since.get((access.group.id or "", record.handles.users.get(access.user_name, "")))
    return Person(access, known, known is not None)
