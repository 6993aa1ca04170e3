"""Every key of ours in Redis: one table of names, types and owners, and when each key ends.

A key is `connector:<name>`, or `connector:<name>:<part>` where there is one for each tenant, lane and so on. Its name
stands here and nowhere else. `Keys().due` and `Keys().tenant(id)` build it in Python, `keys.due` and `keys.tenant(id)`
in the scripts, which get their names from this table (`scripts.py`). `docs/redis.md` is made of the table, and after
each test every key in the test's Redis is compared with it (`tests/support/redis.py`).

The broker's own keys (queue, unacknowledged messages, bindings) are Celery's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import Literal, Self, overload

PREFIX = "connector:"
Type = Literal["hash", "list", "set", "stream", "string", "zset"]


@dataclass(frozen=True)
class Expires:
    """Always with a time to live: the key ends `after` that at the latest."""

    after: timedelta
    since: str


@dataclass(frozen=True)
class Retained:
    """Always with a time to live: the key ends CONNECTOR_RETENTION_DAYS after that."""

    since: str


@dataclass(frozen=True)
class RetainedOnceEnded:
    """The replication's own record: the retention from its end (`ended_at`) on, and no time to live before."""


@dataclass(frozen=True)
class Stays:
    """Never with a time to live, and why that cannot fill Redis."""

    because: str


Ends = Expires | Retained | RetainedOnceEnded | Stays


class Row:
    """One row of the table."""

    name: str  # that of the attribute of Keys
    part: str | None = None  # what stands behind the name; None: there is one such key

    def __init__(self, kind: Type, owner: str, ends: Ends, holds: str) -> None:
        self.type = kind
        self.owner = owner  # the module of tasks/state that writes it, or whose script does
        self.ends = ends
        self.holds = holds

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @property
    def ttl(self) -> timedelta:
        """The time to live; TypeError for a key whose time is not fixed here."""
        if not isinstance(self.ends, Expires):
            raise TypeError(f"the table names no time after which {self.name} ends")
        return self.ends.after


class One(Row):
    """A key of which there is one."""

    @overload
    def __get__(self, keys: None, owner: type) -> Self: ...
    @overload
    def __get__(self, keys: Keys, owner: type) -> str: ...
    def __get__(self, keys: Keys | None, owner: type) -> Self | str:
        return self if keys is None else f"{keys.prefix}{self.name}"


class Each(Row):
    """A key of which there is one for each of something."""

    def __init__(self, part: str, kind: Type, owner: str, ends: Ends, holds: str) -> None:
        super().__init__(kind, owner, ends, holds)
        self.part = part

    @overload
    def __get__(self, keys: None, owner: type) -> Self: ...
    @overload
    def __get__(self, keys: Keys, owner: type) -> Callable[[object], str]: ...
    def __get__(self, keys: Keys | None, owner: type) -> Self | Callable[[object], str]:
        return self if keys is None else lambda part: f"{keys.prefix}{self.name}:{part}"


class Keys:
    """Builds the names of keys; its class is the table."""

    def __init__(self, prefix: str = PREFIX) -> None:
        self.prefix = prefix

    # Two lines for each row; the formatter would make it seven.
    # fmt: off
    tenant = Each("tenant", "hash", "orders", Stays("it is the order itself"),
        "desired state, request to delete it, handles, ids of its current, next and last replication")
    tenants = One("zset", "orders", Stays("one entry per tenant"),
        "every tenant, sorted by name")
    tenants_by = Each("field and value", "zset", "tenants", Stays("one entry per tenant and field"),
        "tenants with this state, lifecycle, zone, project or platform, sorted by name")
    changed = One("zset", "tenants", Stays("one entry per tenant"),
        "tenant -> when it was last changed (microseconds)")
    tenant_counts = One("hash", "counts", Stays("a few entries per platform"),
        "platform and state -> number of tenants")
    under_way = Each("platform and state", "zset", "counts", Stays("an entry leaves when its replication ends"),
        "replication that has not ended -> when it was asked for (microseconds)")
    platforms = One("set", "orders", Stays("one entry per platform"),
        "every platform of which a tenant was ordered")
    owners = One("hash", "orders", Stays("one entry per account, group and alias"),
        "account, group or alias in AWS -> tenant that has it or has ordered it")
    history = Each("tenant", "zset", "orders", Retained("the tenant's newest replication ended; ten years until then"),
        "replication -> its number, in the order in which they were asked for")
    replication = Each("id", "hash", "work", RetainedOnceEnded(),
        "state, step, dispatch number, holder of the lease and until when (ms), a document per step")
    due = One("zset", "work", Stays("an entry leaves when its replication ends"),
        "replication -> time of its next check (ms); inf: when it is woken")
    urgent = One("zset", "work", Stays("an entry leaves when its replication has passed its first step, or ends"),
        "replication that may have access to take away, and is taken before all others -> when (ms)")
    withdrawing = One("set", "work", Stays("an entry leaves when a first step has succeeded"),
        "tenant that may have access to take away")
    strays = Each("tenant", "zset", "work", Expires(timedelta(hours=1), "the last of them was seen to run"),
        "holder of a lease who gave way during a call -> until when that call may run, or when it ended (ms)")
    clock = One("hash", "work", Stays("four fields"),
        "our own clock, when Redis's was last read for it, when a pump last looked, when one did after a gap (ms)")
    placed = One("zset", "work", Stays("an entry leaves with the last place"),
        "replication that has a place in a lane, or was offered one, and is taken before the rest -> when (ms)")
    wakeups = One("list", "work", Stays("at most one entry"),
        "something is due: a resting pump checks at once")
    workers = One("zset", "work", Stays("an entry leaves after a day"),
        "worker -> when its pump last looked (ms)")
    rooms = One("hash", "work", Stays("an entry leaves with its worker's"),
        "worker -> its threads for everybody, and those kept for who may have access to take away")
    ticks = One("hash", "ticks", Stays("one entry for each thing that beat sends"),
        "what beat sends -> when a beat last took it (ms)")
    daily_round = One("string", "daily_rounds", Stays("one value"),
        "when the daily round last left nobody who was due (s)")
    unresponsive = One("hash", "work", Stays("one entry per platform"),
        "platform -> executions in a row that AWS left without any answer")
    replicated = One("zset", "work", Stays("one entry per tenant"),
        "tenant -> when its last replication ended (ms)")
    events = Each("tenant", "stream", "events", Retained("the newest event"),
        "every transition and every write to AWS, newest CONNECTOR_EVENT_HISTORY")
    audit = One("stream", "audit", Stays("entries leave after CONNECTOR_AUDIT_DAYS"),
        "every write to AWS, before it is sent and as it ended")
    holders = Each("lane", "zset", "limits", Retained("the last place was taken"),
        "place, or offer of one -> until when it is held (ms); inf: as long as its replication goes on")
    held_by = Each("lane", "hash", "limits", Retained("the last place was taken"),
        "place -> replications that hold it, or the one that was offered it")
    waiters = Each("lane", "zset", "limits", Retained("the last replication came, or a pump looked at them"),
        "replication -> when it came (microseconds)")
    lanes = One("hash", "limits", Stays("one entry per lane"),
        "lane -> number of places")
    looks = One("zset", "limits", Stays("an entry leaves when nobody waits in the lane"),
        "lane in which somebody waits -> when a pump checks it next (ms)")
    pace = One("hash", "limits", Stays("one entry per lane"),
        "lane -> time from one hand-over of a place to the next (ms), and when the last one was, if the line goes on")
    gates = One("hash", "limits", Stays("an entry leaves when AWS accepts what the gate is about"),
        "gate at which somebody has waited -> since when AWS has refused that (ms)")
    places = Each("replication", "set", "limits", Retained("it took the last of them"),
        "lane and place that it holds or was offered, or the lane alone in which it waits")
    rate = Each("rate", "hash", "limits", Expires(timedelta(hours=1), "its last use"),
        "tokens left and when they were counted (ms), the last turns given, of each kind")
    turns = Each("rate", "zset", "limits", Expires(timedelta(hours=1), "its last use"),
        "replication -> when its turn to call comes (ms)")
    slowed = One("hash", "limits", Stays("one entry per limit"),
        "lane or rate -> how much of it is used, since when (ms)")
    pauses = One("hash", "pauses", Stays("an entry leaves when it is resumed"),
        "tenant or platform -> since when it is paused, by whom and why")
    counts = One("hash", "counts", Stays("a few entries per platform"),
        "what -> how often it has happened")
    rejected = One("hash", "counts", Stays("one entry per reason"),
        "reason -> messages in the queue that the connector did not send")
    failures = Each("address", "string", "workers/api/wrong_tokens", Expires(timedelta(minutes=1), "the first of them"),
        "wrong API tokens from an address")
    session = Each("SHA-256 of the cookie", "string", "sessions", Expires(timedelta(hours=12), "somebody signed in"),
        "who has signed in on the pages, with which token")
    sign_in = Each("SHA-256 of the state", "string", "sessions", Expires(timedelta(minutes=10), "it began"),
        "a sign-in that is under way at an identity provider")
    rollout = Each("id", "string", "rollouts", Retained("it was asked for"),
        "which replications belong to the rollout of a landing zone")
    rollouts = One("zset", "rollouts", Stays("at most 100 entries"),
        "rollout -> when it was asked for (ms)")
    question = Each("id", "hash", "questions", Expires(timedelta(hours=1), "the question or its answer came"),
        "a question that a worker answers, and its answer")
    drift = One("hash", "drifts", Stays("one entry per tenant"),
        "tenant -> difference that the last daily replication found")
    failing = One("hash", "retries", Stays("one entry per tenant"),
        "tenant -> replications in a row that failed")
    retries = One("zset", "retries", Stays("one entry per tenant"),
        "failed tenant -> when it is tried again (s)")
    snapshot = Each("organization", "hash", "snapshots", Expires(timedelta(hours=2), "the list was taken"),
        "account id -> account, as one ListAccounts showed it")
    instances = Each("StackSet", "hash", "snapshots", Expires(timedelta(hours=2), "the list was taken"),
        "account id -> its stack instances, as one list showed them")
    touched = One("zset", "snapshots", Stays("an entry leaves after a day"),
        "account -> when we last were about to change it (s)")
    listings = Each("organization", "hash", "snapshots", Stays("one key per organization"),
        "when its accounts were last listed, and how many they were")
    listed = Each("organization", "hash", "shared_lists", Expires(timedelta(minutes=5), "the list was begun"),
        "email or name -> ids of its accounts that have it, as the newest list showed them")
    units = Each("organization", "hash", "shared_lists", Expires(timedelta(minutes=5), "the list was begun"),
        "name -> id of the OU below its root, as the newest list showed them")
    tags = Each("organization", "hash", "tag_index", Expires(timedelta(days=30), "the last tag was read"),
        "account id -> when its tag was read (s), and which tenant it names")
    tagged = Each("organization", "zset", "tag_index", Expires(timedelta(days=30), "the last tag was read"),
        "the same accounts as `tenant account`, sorted, to ask for a tenant")
    tags_unread = Each("organization", "hash", "tag_index", Expires(timedelta(hours=1), "its last tag was read"),
        "accounts that this look has still to read, when it began, how many there are")
    tags_reader = Each("organization", "string", "tag_index", Expires(timedelta(minutes=1), "it read the last tag"),
        "which tenant's replication reads tags now, while the others wait")
    tags_whole = Each("organization", "string", "tag_index", Expires(timedelta(minutes=5), "the list was begun"),
        "when a list began (ms) of which the tag of every account has been read")
    young = Each("organization", "zset", "young_things", Expires(timedelta(hours=1), "the last thing was made"),
        "name of a thing in AWS -> when we made it (s)")
    gone = Each("organization", "zset", "young_things", Expires(timedelta(hours=1), "the last thing was deleted"),
        "name of a thing in AWS -> when we deleted it (s)")
    unmanaged = Each("organization", "hash", "unmanaged", Expires(timedelta(days=7), "the last look"),
        "account id -> account that no tenant owns")
    alerts = One("stream", "outbox", Stays("at most 10,000 entries"),
        "alerts that are not in a message yet")
    alerted = One("hash", "outbox", Stays("one entry per tenant"),
        "tenant -> fingerprint of its last alert")
    outbox = One("hash", "outbox", Stays("at most 200 entries"),
        "id -> message that the receiver has not taken, tries")
    muted = Each("group", "string", "outbox", Expires(timedelta(hours=1), "the message about many tenants"),
        "more alerts of this group wait, since when")
    run = Each("run", "hash", "runs", Expires(timedelta(days=30), "it was last written; a day if it has ended"),
        "a building block run of meshStack: how far it is, who holds it")
    run_token = Each("run", "string", "runs", Expires(timedelta(days=7), "its run was last written"),
        "meshStack's token for this run, encrypted")
    runs = One("zset", "runs", Stays("an entry leaves when its run has ended"),
        "run -> until when a runner holds it (ms)")
    block = Each("building block", "hash", "runs", Retained("its newest run was claimed"),
        "number of its newest run, and which that is")
    mesh_tenants = One("hash", "runs", Stays("one entry per tenant"),
        "tenant -> its UUID in meshStack, as its newest order named it")
    claimer = One("string", "runs", Expires(timedelta(minutes=1), "its holder last renewed it"),
        "which runner asks meshStack for a run right now")
    runners = One("zset", "runs", Stays("an entry leaves after a day"),
        "runner process -> when it last looked (ms)")
    documents = One("hash", "documents", Stays("one entry per document"),
        "kind and name of a document of the configuration that came over the API -> the document")
    documents_version = One("string", "documents", Stays("one value"),
        "another one after each change of these documents, by which processes see it")
    objects = One("hash", "objects", Stays("one entry per object"),
        "kind and name of a meshObject that came over the API -> the object, and its collection")
    objects_of = Each("workspace", "set", "objects", Stays("an entry leaves with its object"),
        "kinds and names of the objects of a workspace, or of those that speak of a user (@), group (#) or role (%)")
    collection = Each("name", "set", "objects", Stays("an entry leaves with its object"),
        "kinds and names of the objects and documents of a meshObjectCollection")
    pull = One("string", "pulls", Stays("one value"),
        "how far the pull from meshStack is: the last list of all tenants, the events that were read")
    pull_due = One("zset", "pulls", Stays("an entry leaves when it was looked at"),
        "workspace to be read in meshStack -> since when (s)")
    pulled = One("hash", "pulls", Stays("one entry per tenant"),
        "tenant -> digest of what the pull ordered last")
    untold = One("set", "pulls", Stays("an entry leaves when its account was told"),
        "tenant of meshStack that has no account there")
    lock = Each("name", "string", "locks", Expires(timedelta(minutes=15), "it was taken, if its holder died"),
        "who alone does something right now")
    # fmt: on


TABLE: Mapping[str, Row] = MappingProxyType({name: row for name, row in vars(Keys).items() if isinstance(row, Row)})
"""Every row by its name, in the order in which they stand above."""


def row_of(key: str, prefix: str = PREFIX) -> Row | None:
    """Return the row of a key; None: the table does not know it."""
    name, colon, _ = key.removeprefix(prefix).partition(":")
    row = TABLE.get(name)
    return row if row is not None and isinstance(row, Each) == bool(colon) else None
