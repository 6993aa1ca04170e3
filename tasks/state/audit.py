"""The audit log: every write to AWS, in one append-only stream for all tenants.

An entry is written before the write is sent and another one when it has ended. So a crash between hides no write: its
outcome is then UNKNOWN. What cannot be noted is not sent. The arguments are there without secrets; long texts, such as
templates, are shortened to a digest. Entries leave by age (`audit_days`), and by nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from config.log import MASKER
from config.mistakes import MASK
from tasks.documents import AuditEntry, AuditPage
from tasks.model.call import CallRecord, Intent
from tasks.state.database import Part
from tasks.state.parameters import milliseconds

LONGEST_TEXT = 200  # characters; names, ids, addresses and ARNs are shorter
HIDDEN = frozenset({"ExternalId", "Password", "SecretAccessKey", "SessionToken", "SecretString"})
BATCH = 500  # entries of one XRANGE
MOST_READ = 20_000  # entries looked through for one page, so that one request cannot hold the API for long
PATIENCE = timedelta(minutes=5)  # no call takes longer, so an outcome that comes later never comes
OK = "OK"


class Audit(Part):
    """The log itself. Raises redis.RedisError when Redis is away."""

    def append(self, entry: Mapping[str, Any], kept: timedelta) -> str:
        """Add an entry, without secrets, and drop what is older than `kept`; answers its id."""
        oldest = int((datetime.now(UTC) - kept).timestamp() * 1000)
        text = MASKER.mask(json.dumps(entry, ensure_ascii=False))
        return str(self._redis.xadd(self._keys.audit, {"data": text}, minid=oldest, approximate=True))

    def page(self, size: int, *, since: datetime | None, after: str | None, tenant: str | None) -> AuditPage:
        """Read writes to AWS, the oldest first.

        since   only what was sent then or later
        after   go on after this entry
        tenant  only this one's; a page may then have few entries, or none, and still not be the last
        """
        found: dict[str, dict[str, Any]] = {}
        position, last_at, more = after, 0, False
        for read, (identifier, entry) in enumerate(self._entries(since, after), start=1):
            full = len(found) >= size or read > MOST_READ
            if "of" not in entry:
                if full:
                    more = True
                else:
                    position, last_at = identifier, _milliseconds(identifier)
                    if tenant in (None, entry["tenant"]):
                        found[identifier] = entry
            elif entry["of"] in found:
                found[entry["of"]] |= {"outcome": entry["outcome"], "request_id": entry["request_id"]}
            if full and (_is_complete(found) or _milliseconds(identifier) - last_at > milliseconds(PATIENCE)):
                return AuditPage(entries=_shown(found), next=position)
        return AuditPage(entries=_shown(found), next=position if more else None)

    def those(self, ids: Iterable[str]) -> dict[str, AuditEntry]:
        """Read entries as they were when the write was about to be sent, by id; those that have left are not there."""
        with self._redis.pipeline(transaction=False) as pipeline:
            for each in ids:
                pipeline.xrange(self._keys.audit, each, each)
            rows = dict(row for found in pipeline.execute() for row in found)
        return {each.id: each for each in _shown({name: json.loads(row["data"]) for name, row in rows.items()})}

    def _entries(self, since: datetime | None, after: str | None) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the entries of the stream, both kinds, from the oldest that is wanted on."""
        start = f"({after}" if after else "-" if since is None else f"{max(0, int(since.timestamp() * 1000))}"
        while rows := self._redis.xrange(self._keys.audit, start, "+", BATCH):
            for identifier, fields in rows:
                yield identifier, json.loads(fields["data"])
            start = f"({rows[-1][0]}"


@dataclass
class Trail:
    """Notes the writes of one execution of one step; they follow each other, so one is open at a time."""

    audit: Audit
    kept: timedelta
    about: Mapping[str, str | None]  # tenant, replication, step, asked_by
    names: Callable[[], Mapping[str, str]] = dict  # what people call ids, as far as it is known now
    say: Callable[[Intent, Mapping[str, str]], str | None] = lambda _, __: None  # in words what a call changes
    said: str | None = None  # of the newest write
    _open: str | None = None

    def intend(self, intent: Intent) -> None:
        """Note a write that is about to be sent; raises redis.RedisError, and then it must not be sent."""
        arguments, names = {**shortened(intent.arguments), **intent.about}, self.names()
        said = self.say(intent, names)
        self.said = None if said is None else MASKER.mask(said)
        entry = {
            **self.about,
            "call": f"{intent.service}:{intent.operation}",
            "account": intent.account_id,
            "arguments": arguments,
            "names": _named(arguments, names) or None,
            "what": self.said,
        }
        self._open = self.audit.append({name: value for name, value in entry.items() if value is not None}, self.kept)

    def ended(self, call: CallRecord) -> str | None:
        """Note how the open write ended; answers the id of its entry, raises redis.RedisError."""
        opened, self._open = self._open, None
        if opened is not None:
            self.audit.append({"of": opened, "outcome": call.code or OK, "request_id": call.request_id}, self.kept)
        return opened


def shortened(value: Any) -> Any:
    """Write arguments as JSON can hold them: nothing of a secret, of long texts and bytes their digest.

    >>> shortened({"ExternalId": "x", "Size": 3, "Name": "n" * 1000})
    {'ExternalId': '***', 'Size': 3, 'Name': 'sha256:ffab69d9252ce189 (1000 characters)'}
    """
    match value:
        case Mapping():
            return {str(name): MASK if name in HIDDEN else shortened(each) for name, each in value.items()}
        case list() | tuple():
            return [shortened(each) for each in value]
        case bytes():
            return f"sha256:{sha256(value).hexdigest()[:16]} ({len(value)} bytes)"
        case str() if len(value) > LONGEST_TEXT:
            return f"sha256:{sha256(value.encode()).hexdigest()[:16]} ({len(value)} characters)"
        case None | bool() | int() | float() | str():
            return value
        case _:
            return str(value)


def _named(arguments: Any, names: Mapping[str, str]) -> dict[str, str]:
    """Return the names of the ids in arguments.

    >>> _named({"MemberId": {"UserId": "u-1"}, "GroupId": "g-1"}, {"u-1": "alice", "u-2": "bob"})
    {'u-1': 'alice'}
    """
    match arguments:
        case Mapping():
            return _named(list(arguments.values()), names)
        case list():
            return {name: called for each in arguments for name, called in _named(each, names).items()}
        case str() if arguments in names:
            return {arguments: names[arguments]}
        case _:
            return {}


def _is_complete(found: Mapping[str, Mapping[str, Any]]) -> bool:
    return all("outcome" in entry for entry in found.values())


def _shown(found: Mapping[str, Mapping[str, Any]]) -> list[AuditEntry]:
    return [
        AuditEntry(id=name, at=datetime.fromtimestamp(_milliseconds(name) / 1000, UTC), **entry)
        for name, entry in found.items()
    ]


def _milliseconds(identifier: str) -> int:
    return int(identifier.partition("-")[0])
