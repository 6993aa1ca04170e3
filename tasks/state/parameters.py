"""What each script in `lua/` is given: one class for each script, named as the script is.

A class is checked when it is made: a parameter that is unknown, missing or of another type is an error at once, also in
production. In Lua the same parameters stand in `p`, by the same names, and to read one that is not declared here is an
error too (`lua/shared/prelude.lua`). Only a parameter that may be None may be absent in Lua: there it is nil then.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, PlainSerializer

from tasks.model.replication import State


def milliseconds(time: timedelta) -> int:
    """Return a duration as Redis counts it."""
    return round(time.total_seconds() * 1000)


def microseconds(moment: datetime) -> int:
    """Return a time as it is sorted by in Redis, as exactly as people are shown it."""
    return round(moment.timestamp() * 1_000_000)


Milliseconds = Annotated[timedelta, PlainSerializer(milliseconds)]
"""A duration, which is a number of milliseconds in Lua."""

Json = str
"""A document as JSON text."""


class Parameters(BaseModel):
    """The parameters of one script."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class Common(Parameters):
    """What every script is given beside its own parameters."""

    prefix: str  # of every key
    history: int  # events kept per tenant
    retention: Milliseconds  # how long the record of an ended replication is kept
    linger: Milliseconds  # how long the place of a replication that did not succeed stays taken
    replication_chain: str  # name of the chain that replicates
    deletion_chain: str  # name of the chain that deletes
    at: str = ""  # the time as people read it (ISO), put in at each call
    at_us: int = 0  # the same time, in microseconds


class Now(Parameters):
    """Ask for the connector's own clock."""


class Submit(Parameters):
    """Store what is asked for a tenant, and make sure that a replication of it will run."""

    verb: Literal["order", "replicate", "doubt", "delete", "restore"]
    tenant: str
    replication: str  # id to use for a new one
    desired: Json | None = None  # for order: the desired state; for delete: that of a tenant that nobody knows
    landing_zone: str | None = None  # the one that it names
    account: str | None = None  # for order: id of the account to take over
    deletion: Json | None = None  # for delete: the request
    by: str | None = None  # who asks
    trace: str | None = None  # the trace in which it is asked, as W3C's Trace Context writes it
    wake: bool = False  # also wake a replication that waits
    anew: bool = False  # one that has passed a step already is not enough
    daily: bool = False  # nobody asks but the day: a new one may believe the snapshot
    first: int | None = None  # index of the step to begin with
    first_chain: str | None = None  # name of the chain that this step belongs to
    documents: str | None = None  # nothing is stored when the API's documents have another version; empty: none yet


class Approve(Parameters):
    """Approve the request to delete a tenant."""

    tenant: str
    by: str | None = None  # who approves


class Cancel(Parameters):
    """Cancel a replication."""

    replication: str


class Reinstate(Parameters):
    """Put a tenant of a backup back."""

    tenant: str
    fields: dict[str, str]  # of its record
    landing_zone: str  # that of its desired state
    changed: int  # when it was last changed (microseconds)
    replications: list[dict[str, str]]  # the fields of each, the oldest first


class Pump(Parameters):
    """Take what is due."""

    queue: str  # the broker's key
    room: int  # threads of one worker for everybody, and as many messages may wait in the queue
    kept: int  # and those for who may have access to take away
    lease: Milliseconds  # time for a message to be taken, before it counts as lost
    longest: Milliseconds  # a message is never given longer than this
    worker: str
    first: bool  # it is the worker's first look


class Begin(Parameters):
    """Take the lease of a replication for one step."""

    replication: str
    tenant: str  # whose replication it must be
    chain: str  # name of the chain that it must run
    dispatch: int
    step: int  # index
    name: str  # of the step
    holder: str
    lease: Milliseconds
    unknown: str  # the reason under which a message with unknown ids is counted


class Renew(Parameters):
    """Keep a lease, and write handles ahead."""

    replication: str
    holder: str
    lease: Milliseconds
    handles: Json | None = None
    doubted: bool = False  # these are the handles in which the replication's doubt is written down
    gives_way: bool = False  # the holder knows that it is replaced, and makes no further call


class Settle(Parameters):
    """Note that a stray call has ended."""

    tenant: str
    holder: str
    wrote: bool  # it may have changed something
    let_in: bool  # that may be who is in a group, or what a group is assigned


class Record(Parameters):
    """Record how a step ended, and give the lease back."""

    replication: str
    holder: str
    step: int  # index
    document: Json  # the step's
    state: State  # of the replication
    due: Milliseconds  # from now; who waits for a place is woken instead
    event: Json | None = None  # what people are told; None: nothing new has happened
    retry_state: Json
    failed: Json  # names of the failed steps
    idle: Json  # names of the steps that have nothing to do, each with the reason
    parked: bool  # a person must act first
    approval: bool  # a person must approve first
    polls: bool  # the step waits for work that AWS does for it
    beside: bool  # the step looks again when a stray call has ended
    next: int | None = None  # index of the step to go to
    handles: Json | None = None
    error: Json | None = None
    lane: str | None = None  # the full lane in whose line the replication stands
    gate: str | None = None  # where AWS has refused what it would refuse to all: who is refused there waits together
    let_in: bool = True  # whether the gate is open at which it waited, as far as the step's answer tells
    responded: bool | None = None  # whether AWS answered any call; None: the step tells nothing of that
    alert: Json | None = None
    fingerprint: str | None = None  # what the alert is about
    begins: str | None = None  # name of the next step, which is to begin at once under the same lease
    queue: str | None = None  # the broker's key: unless somebody waits there


class Enter(Parameters):
    """Take a place in a lane."""

    lane: str
    place: str
    replication: str
    limit: int  # places that the lane has
    wants: Json | None = None  # what somebody else's operation may do for it, while it waits


class Leave(Parameters):
    """Give a place back."""

    lane: str
    place: str
    replication: str


class Gather(Parameters):
    """Take along who waits in line for the same."""

    lane: str
    place: str
    replication: str  # that has the place
    holder: str
    kind: str  # who wants this goes along
    operation: str  # id of the operation that will do it
    sent_at: str  # ISO
    most: int  # replications taken along


class Disband(Parameters):
    """Let those who were taken along ask by themselves."""

    lane: str
    place: str
    replication: str
    holder: str
    operation: str  # that AWS has refused


class Take(Parameters):
    """Take tokens of a rate."""

    rate: str
    per_second: int
    burst: int  # tokens that gather while nobody calls
    replication: str
    tokens: int
    owed: bool  # they are used already, or, negative, given back


class Slow(Parameters):
    """Use half of some limits."""

    limits: list[str]  # names of lanes and rates


class Resume(Parameters):
    """Resume a tenant or a platform."""

    name: str


class Admit(Parameters):
    """Store a run that was claimed, and hold it."""

    run: str
    block: str  # uuid of its building block
    number: int  # of the run among those of the block
    record: Json  # for a run that is not known
    token: str | None = None  # encrypted
    holder: str
    lease: Milliseconds


class Hold(Parameters):
    """Go on holding some runs, and take over some that nobody holds."""

    runs: list[str]  # that this runner holds
    most: int  # runs to take over
    holder: str
    lease: Milliseconds


class Note(Parameters):
    """Write how far a run is."""

    run: str
    record: Json
    holder: str
    ended: bool
    kept: Milliseconds | None = None  # how long the record stays


class Release(Parameters):
    """Let other runners have some runs."""

    runs: list[str]
    holder: str


class Tick(Parameters):
    """Take what beat is to send now."""

    every: dict[str, Milliseconds]  # name of a tick -> its interval


class Page(Parameters):
    """Find a page of the tenants that fit everything."""

    starts: str  # what their names start with
    groups: list[str]  # a field and its value, as in the key tenants_by
    contains: str  # a part of their names; empty: any
    sorting: str  # name, state, newest or oldest
    since: int | None = None  # when they were changed at the earliest (microseconds)
    first: int  # rank, from 0
    size: int
