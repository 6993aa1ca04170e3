"""Messages to people: news is gathered for a minute, grouped, and delivered at least once, under one id.

A thousand tenants that fail for one reason of their platform are one message, and what follows of the same is the next
one an hour later. News becomes a message in one transaction, and the message stays until the receiver has taken it or
a day has passed: a crash between sending and forgetting sends it again, with the same id and text. Replications never
wait for any of this: they only add to a stream of bounded length.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from time import monotonic
from uuid import uuid4

import structlog

from tasks.connector import Connector
from tasks.model.desired import Document
from tasks.notifications.news import Kind, News
from tasks.notifications.webhook import post
from tasks.state.counts import DROPPED
from tasks.state.store import Store

EVERY = timedelta(seconds=20)
GATHERED = timedelta(minutes=1)  # from the first news of a group; a platform that breaks fails its tenants within that
MANY = 5  # tenants of one message: from here on it is not about one of them, and more of the same waits for an hour
QUIET = timedelta(hours=1)
SHOWN = 20  # tenants that a message names
MESSAGES = 200  # that wait at once; further news waits in the stream
FIRST_RETRY, LONGEST_RETRY = timedelta(seconds=30), timedelta(hours=1)
DEADLINE = timedelta(days=1)  # older news has been seen elsewhere
BUDGET = 20.0  # seconds of one round: one thread of one worker, however slow the receiver is
LEASE = timedelta(minutes=1)  # longer than a round: BUDGET and one time-out
log = structlog.get_logger(__name__)

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
    news: tuple[News, ...] = ()


class Letter(Document):
    """A message that the receiver has not taken yet."""

    notification: Notification
    written_at: datetime
    due: datetime
    tries: int = 0
    answer: str | None = None


def deliver(connector: Connector, now: datetime) -> int:
    """Write messages of the news and send those that are due; answers how many were taken. Two at once are one."""
    if connector.settings.notification_url is None:
        return 0
    with _alone(connector.store) as alone:
        if not alone:
            return 0
        _write(connector.store, now)
        return _send(connector, now)


def waiting(store: Store) -> list[Letter]:
    """Read the messages that wait, the oldest first."""
    found = (Letter.model_validate_json(text) for text in store.redis.hvals(_letters(store)))
    return sorted(found, key=lambda letter: (letter.written_at, letter.notification.id))


def trial(connector: Connector, now: datetime) -> str | None:
    """Send a test message; answers why it was not taken, None: it was."""
    made = Notification(id=uuid4().hex, kind=Kind.TEST, text="A test message of the meshStack AWS Connector.")
    return post(connector.settings, made.id, _body(made), now)


def _write(store: Store, now: datetime) -> None:
    """Make a message of each group of news that has been gathered for long enough."""
    key = f"{store.prefix}news"
    groups: dict[Subject, list[tuple[str, News]]] = {}
    for entry, fields in store.redis.xrange(key):
        news = News.model_validate_json(fields["data"])
        groups.setdefault(_group(news), []).append((entry, news))
    room = MESSAGES - store.redis.hlen(_letters(store))
    for group, entries in groups.items():
        first = datetime.fromtimestamp(int(entries[0][0].partition("-")[0]) / 1000, UTC)
        quiet = f"{store.prefix}quiet:{sha256(repr(group).encode()).hexdigest()[:16]}"
        if now - first < GATHERED or room <= 0 or store.redis.exists(quiet):
            continue
        room -= 1
        made = _notification(entries[0][0], group, [news for _, news in entries])
        letter = Letter(notification=made, written_at=now, due=now)
        with store.redis.pipeline() as pipeline:
            pipeline.hset(_letters(store), made.id, _text(letter))
            pipeline.xdel(key, *(entry for entry, _ in entries))
            if len(entries) >= MANY:
                pipeline.set(quiet, now.isoformat(), px=QUIET)
            pipeline.execute()


def _send(connector: Connector, now: datetime) -> int:
    """Send what is due, until one is not taken: the receiver may be down, and the next round tries the next one."""
    store, began, taken = connector.store, monotonic(), 0
    for letter in waiting(store):
        if letter.due > now:
            continue
        made = letter.notification
        refused = post(connector.settings, made.id, _body(made), now)
        if refused is not None:
            _not_taken(store, letter, refused, now)
            break
        store.redis.hdel(_letters(store), made.id)
        taken += 1
        if monotonic() - began > BUDGET:
            break
    return taken


def _not_taken(store: Store, letter: Letter, refused: str, now: datetime) -> None:
    """Put the next try off, each time for longer; after the deadline drop the message, count it and log its text."""
    made = letter.notification
    if now - letter.written_at >= DEADLINE:
        store.redis.hdel(_letters(store), made.id)
        store.tally(DROPPED)
        log.error("a notification is dropped", notification=made.id, answer=refused, text=made.text)
        return
    distance = min(FIRST_RETRY * 2**letter.tries, LONGEST_RETRY)
    changes = {"tries": letter.tries + 1, "due": now + distance, "answer": refused}
    store.redis.hset(_letters(store), made.id, _text(letter.model_copy(update=changes)))
    log.warning("a notification was not taken", notification=made.id, answer=refused, tries=letter.tries + 1)


@contextmanager
def _alone(store: Store) -> Iterator[bool]:
    """Tell whether nobody else delivers now; a holder that died is waited for."""
    key, holder = f"{store.prefix}postman", uuid4().hex
    got = bool(store.redis.set(key, holder, nx=True, px=LEASE))
    try:
        yield got
    finally:
        if got and store.redis.get(key) == holder:
            store.redis.delete(key)


def _group(news: News) -> Subject:
    return news.kind, news.platform, news.step, news.error.code if news.error else None


def _notification(name: str, group: Subject, news: list[News]) -> Notification:
    kind, platform, step, code = group
    news = list({each.tenant: each for each in news}.values())  # the newest of each
    text = _sentence(news)
    return Notification(
        id=name,
        text=text,
        kind=Kind(kind),
        platform=platform,
        step=step,
        code=code,
        count=len(news),
        news=tuple(news[:SHOWN]),
    )


def _sentence(news: list[News]) -> str:
    """Say it in words, for receivers that only show `text`."""
    first = news[0]
    who = first.tenant if len(news) == 1 else f"{len(news)} tenants of {first.platform}"
    names = "" if len(news) == 1 else f" Tenants: {_names(news)}."
    if first.kind is Kind.RESOLVED:
        return f"{who}: well again.{names}"
    if first.error is None:
        return f"{who}: {first.note if len(news) == 1 else 'deletions wait for approval'}.{names}"
    error = first.error
    what = "failed" if first.kind is Kind.FAILED else "waits for a person"
    request = f" (request {error.request_id})" if error.request_id else ""
    return f"{who}: {first.step} {what}: {error.code}: {error.message}{request}. {error.remedy}{names}"


def _names(news: Iterable[News]) -> str:
    names = list(dict.fromkeys(each.tenant for each in news))
    return ", ".join([*names[:SHOWN], *(["…"] if len(names) > SHOWN else [])])


def _body(made: Notification) -> bytes:
    return _text(made).encode()


def _text(document: Document) -> str:
    return document.model_dump_json(by_alias=True, exclude_none=True)


def _letters(store: Store) -> str:
    return f"{store.prefix}notifications"
