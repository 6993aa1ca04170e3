"""Backup of what Redis alone knows: orders, handles, deletion requests, pauses, meshObjects, records of replications.

JSON lines: a heading, one line for each tenant with its replications, one for each pause, one for each meshObject that
came over the API (platforms and landing zones are among them), and a last line that counts them, so that half a file is
no backup. It talks to Redis and not to the API: whoever may order tenants through the API must not be able to rewrite
what happened, and a backup is put back before anything else runs. Nothing secret is in it, because nothing secret is in
Redis. What can be built again is left out: events, limits, snapshots; the audit log has an export of its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from tasks.model.desired import Deletion, Desired, Pause, TenantId
from tasks.model.handles import HANDLES, in_doubt
from tasks.model.replication import ENDED, Replication, State
from tasks.state.objects import StoredObject
from tasks.state.records import handles_json, replication_of
from tasks.state.store import Store
from tasks.state.work import OwnedByAnother

VERSION = 2
MOST_MISTAKES = 20  # named at once
TENANT_FIELDS = ("desired", "handles", "state", "last", "created_at", "updated_at", "deletion", "deleted_at")
REPLICATION_FIELDS = (
    *("id", "tenant", "chain", "state", "step", "desired", "digest", "first", "idle", "failed", "error"),
    *("requested_at", "requested_by", "trace", "started_at", "ended_at"),
)
STILL = {"holder": "", "lease": "0", "dispatch": "0", "sends": "0", "cancel": "0", "retry_state": "{}"}


class BackupRefused(ValueError):
    """The backup was not put back; nothing was written. The text has one sentence for each mistake."""


class _Line(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SavedTenant(_Line):
    """One tenant as Redis holds it, and its replications, the oldest first."""

    tenant: str
    fields: dict[str, str]
    replications: list[dict[str, str]]

    @property
    def under_way(self) -> bool:
        """Tell whether a replication had not ended."""
        return any(State(each["state"]) not in ENDED for each in self.replications)


class SavedPause(_Line):
    """One pause."""

    pause: str
    document: Pause


class SavedObject(_Line):
    """One meshObject."""

    mesh_object: str  # kind and name
    document: dict[str, Any]
    listed_under: tuple[str, ...] = ()
    collection: str | None = None
    configuration: bool = False  # it is a document of the configuration too


@dataclass
class Saved:
    """A backup whose every line was checked."""

    tenants: list[SavedTenant] = field(default_factory=list)
    paused: dict[str, Pause] = field(default_factory=dict)
    objects: list[SavedObject] = field(default_factory=list)


@dataclass
class Restored:
    """What became of a backup, by the names of tenants."""

    added: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)  # they were there already
    refused: dict[str, str] = field(default_factory=dict)  # left out: why
    differing: dict[str, str] = field(default_factory=dict)  # of those kept: of what the backup says something else


def lines(store: Store) -> Iterator[str]:
    """Yield the lines of a backup; what changes meanwhile is in it as it was before or after."""
    yield json.dumps({"backup": "aws-connector", "version": VERSION, "taken_at": datetime.now(UTC).isoformat()})
    count = 0
    for count, each in enumerate(_entries(store), start=1):  # noqa: B007 (it is what the last line says)
        yield each.model_dump_json(exclude_none=True)
    yield json.dumps({"end": count})


def read(text: Iterable[str]) -> Saved:
    """Check every line of a backup; raises BackupRefused with all mistakes, each with its line."""
    saved, numbered = Saved(), [each for each in enumerate(text, start=1) if each[1].strip()]
    mistakes = list(_frame_mistakes([line for _, line in numbered]))
    for number, line in numbered[1:-1]:
        try:
            _take(saved, json.loads(line))
        except (ValueError, KeyError, TypeError, IndexError) as error:
            mistakes.append(f"line {number}: {_words(error)}")
    names = [each.tenant for each in saved.tenants]
    mistakes += [f"the tenant {name} appears twice" for name in sorted({n for n in names if names.count(n) > 1})]
    if mistakes:
        raise BackupRefused("\n".join(mistakes[:MOST_MISTAKES]))
    return saved


def restore(store: Store, saved: Saved, *, merge: bool) -> Restored:
    """Put a backup back. A tenant that is there is never touched; what was under way then is replicated again.

    What is there was ordered after the backup was made, or after Redis was lost: the newest desired state wins, and the
    account of a tenant that has lost its id is found in AWS. So a merge adds, and names what it would have changed.

    merge   into a Redis that has tenants; without it such a one is refused
    Raises BackupRefused.
    """
    if not merge and store.tenants.there_are_any():
        raise BackupRefused("this Redis already holds tenants: use --merge to add those that it lacks")
    store.pauses.put_back(saved.paused)
    _put_back_objects(store, saved.objects)
    done = Restored()
    for each in saved.tenants:
        replications = [_ended(row) for row in each.replications]
        try:
            added = store.orders.reinstate(each.tenant, _settled(each), replications)
        except OwnedByAnother as owned:
            done.refused[each.tenant] = f"{owned.what} now belongs to tenant {owned.tenant}"
            continue
        if added:
            done.added.append(each.tenant)
            if each.under_way:
                store.orders.doubt(TenantId.parse(each.tenant))
            continue
        done.kept.append(each.tenant)
        if parts := _differing(store, each):
            done.differing[each.tenant] = parts
    return done


def _differing(store: Store, saved: SavedTenant) -> str:
    """Name what the backup says differently of a tenant that is there."""
    there = store.tenants.find(TenantId.parse(saved.tenant))
    if there is None:
        return ""
    account = HANDLES.validate_json(saved.fields["handles"]).account_id
    parts = {
        "desired state": there.desired != Desired.model_validate_json(saved.fields["desired"]),
        f"account {account or 'none'}, here {there.handles.account_id or 'none'}": there.handles.account_id != account,
        "request to delete it": (there.deletion is None) != ("deletion" not in saved.fields),
    }
    return "; ".join(part for part, differs in parts.items() if differs)


def _put_back_objects(store: Store, saved: list[SavedObject]) -> None:
    """Put objects back that are not there; those that are came later."""
    there = store.objects.those(each.mesh_object for each in saved)
    lacking = [each for each in saved if each.mesh_object not in there]
    documents = {each.mesh_object: each.document for each in lacking if each.configuration}
    if documents:
        store.documents.change(documents, [])
    store.objects.change(
        StoredObject(each.mesh_object, each.document, each.listed_under, each.collection) for each in lacking
    )


def _entries(store: Store) -> Iterator[SavedTenant | SavedPause | SavedObject]:
    for summary in store.tenants.listed():
        row, replications = store.tenants.raw(summary.id)
        kept = [
            {name: text for name, text in each.items() if name in REPLICATION_FIELDS or name.startswith("step:")}
            for each in replications
        ]
        fields = {name: row[name] for name in TENANT_FIELDS if name in row}
        yield SavedTenant(tenant=str(summary.id), fields=fields, replications=kept)
    for name, each in store.pauses.all().items():
        yield SavedPause(pause=name, document=each)
    documents = store.documents.all()
    for stored in store.objects.all():
        yield SavedObject(
            mesh_object=stored.key,
            document=stored.document,
            listed_under=stored.listed_under,
            collection=stored.collection,
            configuration=stored.key in documents,
        )


def _frame_mistakes(text: list[str]) -> Iterator[str]:
    first, last = (_object(text[0]), _object(text[-1])) if text else ({}, {})
    if first.get("backup") != "aws-connector":
        yield "line 1: this is not a backup of the connector"
    elif first.get("version") != VERSION:
        yield f"line 1: its version is {first.get('version')}, and this connector reads {VERSION}"
    elif last.get("end") != len(text) - 2:
        yield "the file is not complete: its last line does not count its lines"


def _object(line: str) -> dict[str, Any]:
    try:
        read_line = json.loads(line)
    except ValueError:
        return {}
    return read_line if isinstance(read_line, dict) else {}


def _take(saved: Saved, document: Mapping[str, Any]) -> None:
    if "pause" in document:
        paused = SavedPause.model_validate(document)
        saved.paused[paused.pause] = paused.document
        return
    if "mesh_object" in document:
        saved.objects.append(SavedObject.model_validate(document))
        return
    tenant = SavedTenant.model_validate(document)
    _check(tenant)
    saved.tenants.append(tenant)


def _check(saved: SavedTenant) -> None:
    """Raise ValueError or KeyError for what the connector could not read again."""
    TenantId.parse(saved.tenant)
    fields = saved.fields
    if unknown := fields.keys() - set(TENANT_FIELDS):
        raise ValueError(f"unknown fields: {', '.join(sorted(unknown))}")
    Desired.model_validate_json(fields["desired"])
    HANDLES.validate_json(fields["handles"])
    State(fields["state"])
    for name in ("created_at", "updated_at", "deleted_at"):
        datetime.fromisoformat(fields[name] if name != "deleted_at" else fields.get(name, fields["created_at"]))
    if "deletion" in fields:
        Deletion.model_validate_json(fields["deletion"])
    if "last" not in fields:
        raise KeyError("last")
    for row in saved.replications:
        if unknown := {name for name in row if name not in REPLICATION_FIELDS and not name.startswith("step:")}:
            raise ValueError(f"unknown fields of a replication: {', '.join(sorted(unknown))}")
        if _read(row).tenant != saved.tenant:
            raise ValueError(f"the replication {row['id']} is another tenant's")


def _read(row: dict[str, str]) -> Replication:
    return replication_of({**row, **STILL}, None)


def _ended(row: dict[str, str]) -> dict[str, str]:
    """Write a replication as one that nobody works on: one that was under way then is cancelled."""
    if State(row["state"]) in ENDED:
        return {**row, **STILL}
    return {**row, **STILL, "state": State.CANCELLED.value, "ended_at": datetime.now(UTC).isoformat()}


def _settled(saved: SavedTenant) -> dict[str, str]:
    """Write a tenant as one that nobody works on, in doubt: AWS may have more of it by now than the backup says."""
    state = saved.fields["state"] if State(saved.fields["state"]) in ENDED else State.CANCELLED.value
    handles = in_doubt(HANDLES.validate_json(saved.fields["handles"]))
    return {**saved.fields, "state": state, "handles": handles_json(handles)}


def _words(error: Exception) -> str:
    if isinstance(error, ValidationError):
        return "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
    return f"{error} is missing" if isinstance(error, KeyError) else str(error)
