"""Messages to people: alerts are gathered for a minute, grouped, and delivered at least once, under one id.

A thousand tenants that fail for one reason of their platform are one message, and what follows of the same is the next
one an hour later. Alerts become a message in one transaction, and the message stays until the receiver has taken it
or a day has passed: a crash between sending and forgetting sends it again, with the same id and text. Replications
never wait for any of this: they only add to a stream of bounded length.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from time import monotonic
from uuid import uuid4

import structlog

from tasks.connector import Connector
from tasks.model.desired import Document
from tasks.notifications.alerts import Alert, Kind
from tasks.notifications.webhook import post
from tasks.state.counts import DROPPED
from tasks.state.keys import Keys
from tasks.state.store import Store

GATHERED = timedelta(minutes=1)  # from the first alert of a group; a platform that breaks fails its tenants within that
MANY = 5  # tenants of one message: from here on it is not about one of them, and more of the same waits for an hour
MUTED = Keys.muted.ttl
SHOWN = 20  # tenants that a message names
MESSAGES = 200  # that wait at once; further alerts wait in the stream
FIRST_RETRY, LONGEST_RETRY = timedelta(seconds=30), timedelta(hours=1)
DEADLINE = timedelta(days=1)  # what is older has been seen elsewhere
BUDGET = 20.0  # seconds of one round: one thread of one worker, however slow the receiver is
LONGEST_ROUND = timedelta(minutes=1)  # longer than BUDGET and one time-out
log = structlog.get_logger(__name__)

OF_MANY = {  # what is said of many tenants at once, of which nothing has failed
    Kind.APPROVAL: "deletions wait for approval",
    Kind.BUDGET: "most of their monthly budgets is used, or all of it",
    Kind.RISE: "they cost far more than they usually do",
    Kind.IDLE: "their accounts have cost nothing for long",
}
Subject = tuple[str, str, str | None, str | None]


class Notification(Document):
    """A message as it is sent."""

    id: str
    text: str
    kind: Kind
    platform: str | None = None
    step: str | None = None
    code: str | None = None
    count: int = 0
    alerts: tuple[Alert, ...] = ()


class OutboxMessage(Document):
    """A message that the receiver has not taken yet."""

    notification: Notification
    written_at: datetime
    due: datetime
    tries: int = 0
    answer: str | None = None


def deliver(connector: Connector, now: datetime) -> int:
    """Write messages of the alerts and send those that are due; answers how many were taken. Two at once are one."""
    if connector.settings.notification_url is None:
        return 0
    with connector.store.locks.held("delivery", LONGEST_ROUND) as alone:
        if not alone:
            return 0
        _write(connector.store, now)
        return _send(connector, now)


def waiting(store: Store) -> list[OutboxMessage]:
    """Read the messages that wait, the oldest first."""
    found = map(OutboxMessage.model_validate_json, store.outbox.messages())
    return sorted(found, key=lambda message: (message.written_at, message.notification.id))


def trial(connector: Connector, now: datetime) -> str | None:
    """Send a test message; answers why it was not taken, None: it was."""
    made = Notification(id=uuid4().hex, kind=Kind.TEST, text="A test message of the meshStack AWS Connector.")
    return post(connector.settings, made.id, _body(made), now)


def _write(store: Store, now: datetime) -> None:
    """Make a message of each group of alerts that has been gathered for long enough."""
    groups: dict[Subject, list[tuple[str, Alert]]] = {}
    for identifier, document in store.outbox.alerts():
        alert = Alert.model_validate_json(document)
        groups.setdefault(_group(alert), []).append((identifier, alert))
    room = MESSAGES - store.outbox.number()
    for group, entries in groups.items():
        first = datetime.fromtimestamp(int(entries[0][0].partition("-")[0]) / 1000, UTC)
        name = sha256(repr(group).encode()).hexdigest()[:16]
        if now - first < GATHERED or room <= 0 or store.outbox.is_muted(name):
            continue
        room -= 1
        made = _notification(entries[0][0], group, [alert for _, alert in entries])
        message = OutboxMessage(notification=made, written_at=now, due=now)
        mute = name if len(entries) >= MANY else None
        store.outbox.write(made.id, _text(message), [identifier for identifier, _ in entries], mute, now.isoformat())


def _send(connector: Connector, now: datetime) -> int:
    """Send what is due, until one is not taken: the receiver may be down, and the next round tries the next one."""
    store, began, taken = connector.store, monotonic(), 0
    for message in waiting(store):
        if message.due > now:
            continue
        made = message.notification
        refused = post(connector.settings, made.id, _body(made), now)
        if refused is not None:
            _not_taken(store, message, refused, now)
            break
        store.outbox.remove(made.id)
        taken += 1
        if monotonic() - began > BUDGET:
            break
    return taken


def _not_taken(store: Store, message: OutboxMessage, refused: str, now: datetime) -> None:
    """Put the next try off, each time for longer; after the deadline drop the message, count it and log its text."""
    made = message.notification
    if now - message.written_at >= DEADLINE:
        store.outbox.remove(made.id)
        store.counts.add(DROPPED)
        log.error("a notification is dropped", notification=made.id, answer=refused, text=made.text)
        return
    distance = min(FIRST_RETRY * 2**message.tries, LONGEST_RETRY)
    changes = {"tries": message.tries + 1, "due": now + distance, "answer": refused}
    store.outbox.put(made.id, _text(message.model_copy(update=changes)))
    log.warning("a notification was not taken", notification=made.id, answer=refused, tries=message.tries + 1)


def _group(alert: Alert) -> Subject:
    return alert.kind, alert.platform, alert.step, alert.error.code if alert.error else None


def _notification(name: str, group: Subject, alerts: list[Alert]) -> Notification:
    kind, platform, step, code = group
    alerts = list({each.tenant: each for each in alerts}.values())  # the newest of each tenant
    text = _sentence(alerts)
    return Notification(
        id=name,
        text=text,
        kind=Kind(kind),
        platform=platform,
        step=step,
        code=code,
        count=len(alerts),
        alerts=tuple(alerts[:SHOWN]),
    )


def _sentence(alerts: list[Alert]) -> str:
    """Say it in words, for receivers that only show `text`."""
    first = alerts[0]
    who = first.tenant if len(alerts) == 1 else f"{len(alerts)} tenants of {first.platform}"
    names = "" if len(alerts) == 1 else f" Tenants: {_names(alerts)}."
    if first.kind is Kind.RESOLVED:
        return f"{who}: recovered.{names}"
    if first.error is None:
        return f"{who}: {first.note if len(alerts) == 1 else OF_MANY[first.kind]}.{names}"
    error = first.error
    what = "failed" if first.kind is Kind.FAILED else "waits for a person"
    request = f" (request {error.request_id})" if error.request_id else ""
    return f"{who}: {first.step} {what}: {error.code}: {error.message}{request}. {error.remedy}{names}"


def _names(alerts: Iterable[Alert]) -> str:
    names = list(dict.fromkeys(each.tenant for each in alerts))
    return ", ".join([*names[:SHOWN], *(["…"] if len(names) > SHOWN else [])])


def _body(made: Notification) -> bytes:
    return _text(made).encode()


def _text(document: Document) -> str:
    return document.model_dump_json(by_alias=True, exclude_none=True)
