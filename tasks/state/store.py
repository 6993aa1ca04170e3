"""What Redis holds for us, and every change of it: one Lua script each, so that no crash leaves half a change.

AWS is the truth; here stands only what AWS cannot tell. All keys start with `connector:`.

| key                 | type   | what                                                      | ends                      |
|---------------------|--------|-----------------------------------------------------------|---------------------------|
| tenant:<tenant>     | hash   | desired state, deletion, handles, current/next/last       | never: the order itself   |
| tenants             | zset   | every tenant, sorted by name (for lists)                  | never: one per tenant     |
| accounts            | hash   | account id -> the tenant that has it or has ordered it    | never: one per account    |
| replicated          | zset   | tenant -> when its last replication ended (ms)            | never: one per tenant     |
| replication:<id>    | hash   | state, step, dispatch number, lease, a document per step  | `retention` after it      |
| due                 | zset   | replication -> when somebody must look at it (ms)         | member leaves at its end  |
| history:<tenant>    | zset   | replication -> when it was asked for (ms)                 | `retention` after its end |
| pauses              | hash   | tenant or platform -> since when it is paused, why        | never: until it is resumed|
| audit               | stream | every write to AWS, before it is sent and as it ended     | never: entries go by age  |
| rollout:<id>        | string | which replications belong to a landing zone's rollout     | `retention` after it came |
| events:<tenant>     | stream | every transition and every write to AWS, newest `history` | `retention` after it      |
| lane:<lane>:holders | zset   | place -> until when it is held (ms); inf: with its owner  | `retention` after it      |
| lane:<lane>:waiters | zset   | replication -> when it came (microseconds)                | `retention` after it      |
| lanes               | hash   | lane -> number of places                                  | never: one per lane       |
| places:<id>         | set    | what a replication holds, or waits for, in which lane     | with the replication      |
| rate:<rate>         | hash   | tokens left and when they were counted (ms), last turn    | an hour after it          |
| rate:<rate>:turns   | zset   | replication -> when its turn to call comes (ms)           | an hour after it          |
| slowed              | hash   | lane or rate -> what is used of it, since when (ms)       | never: one per limit      |
| platforms           | set    | every platform of which a tenant was ordered              | never: one per platform   |
| silent              | hash   | platform -> executions in a row in which AWS was silent   | never: one per platform   |
| bell                | list   | something was made due: at most one entry                 | never: at most one entry  |
| workers             | zset   | worker -> when its pump last looked (ms)                  | member leaves after a day |
| failures:<address>  | string | wrong API tokens from an address since the key was made   | a minute after the first  |
| question:<id>       | hash   | a question that a worker answers, and the answer          | an hour after it came     |
| organization:<id>   | hash   | accounts as one ListAccounts showed them: tasks/snapshot  | two hours after it        |
| instances:<id>      | hash   | a StackSet's instances, by account, in the same way       | two hours after it        |
| listed:<id>         | set    | emails and names of its accounts: tasks/account_lists     | five minutes after it     |
| look:<id>           | string | who lists an organization's accounts right now            | a quarter of an hour      |
| looks:<id>          | hash   | when an organization was listed last, how many accounts   | never: one each           |
| touched             | zset   | account -> when we last were about to change it (s)       | member leaves after a day |
| unmanaged:<id>      | hash   | accounts that no tenant owns, by id                       | a week after the last look|
| drift               | hash   | tenant -> what the last daily look found different        | never: one per tenant     |
| retries             | zset   | failed tenant -> when it is tried again (s)               | never: one per tenant     |
| failing             | hash   | tenant -> replications in a row that have failed          | never: one per tenant     |
| news                | stream | what people are to be told, not yet in a message          | never: at most 10,000     |
| told                | hash   | tenant -> what people were told of it last                | never: one per tenant     |
| notifications       | hash   | message that the receiver has not taken -> text, tries    | never: at most 200        |
| quiet:<group>       | string | since when many tenants' common failure is told           | an hour after it          |
| postman             | string | who delivers messages right now                           | a minute after it         |
| rejected            | hash   | reason -> messages in the queue that were not ours        | never: one per reason     |
| counts              | hash   | what -> how often it has happened, for metrics            | never: a few per platform |

The broker's own keys (queue, unacknowledged messages, bindings) are Celery's.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from itertools import count
from typing import Any
from uuid import uuid4

from redis import Redis
from redis.commands.core import Script

from tasks.chain import CHAINS, DELETION, REPLICATION
from tasks.model.desired import Deletion, Desired, Document, TenantId
from tasks.model.handles import HANDLES, Handles
from tasks.model.replication import LastError, Replication, State, StepState
from tasks.state.outcome import Begun, Dispatch, StepRecord
from tasks.state.records import (
    AccountTaken,
    Census,
    Rate,
    TenantRecord,
    TenantSummary,
    replication_of,
    summary_of,
    tenant_of,
)
from tasks.step import Chain

PREFIX = "connector:"
UNKNOWN = "unknown replication"  # why a message is rejected
# AWS's work on an account, an assignment or one account's StackSet instances usually ends within this: so long the
# place of a replication that was cancelled or failed in the middle stays taken.
LINGER = timedelta(minutes=1)
CENSUS = 200  # tenants, and open replications, that one script counts: a few ms, in which Redis does nothing else
SCRIPTS = (
    *("submit", "pump", "begin", "renew", "record", "cancel", "enter", "leave", "take", "slow", "approve"),
    *("resume", "reinstate", "census"),
)


class Store:
    """Our part of Redis. Every method is one round trip and raises redis.RedisError when Redis is away."""

    def __init__(
        self, redis: Redis, retention: timedelta, history: int, prefix: str = PREFIX, linger: timedelta = LINGER
    ) -> None:
        self.redis: Any = redis  # the stubs answer unions of sync and async, bytes and text; ours is sync and text
        self.prefix = prefix
        self._common: dict[str, Any] = {
            "prefix": prefix,
            "history": history,
            "retention": _ms(retention),
            "linger": _ms(linger),
            "chains": {"replicate": REPLICATION.name, "delete": DELETION.name},
        }
        self._scripts = {name: self._script(name) for name in SCRIPTS}

    def submit(
        self,
        tenant: TenantId,
        desired: Desired | None,
        *,
        again: bool = False,
        anew: bool = False,
        by: str | None = None,
        first: tuple[Chain, int] | None = None,
        daily: bool = False,
    ) -> str:
        """Store a desired state and see to it that it is replicated; answers the replication's id.

        The same content while a replication of it is under way is that replication; other content runs next.
        desired  None: what is stored at that moment, of a tenant that is known; never older content than the newest
        again    also wakes a replication that waits
        anew     one that has passed a step already is not enough: another one runs next
        by       name of who asks, for the record
        daily    nobody asks but the day: a new one may believe the snapshot (tasks/organization/snapshot.py)
        first    the step to begin with; while none has begun that does more, and unless newer content comes
        Raises AccountTaken when another tenant has the account that is to be taken over, or has ordered it.
        """
        content: dict[str, Any] = {"desired": _content(desired)} if desired is not None else {}
        if desired is not None and desired.platform_tenant_id is not None:
            content["account"] = desired.platform_tenant_id
        if first is not None:
            content |= {"of": first[0].name, "from": first[1]}
        if daily:
            content["daily"] = True
        return self._submit(tenant, again=again, anew=anew, by=by, **content)

    def doubt(self, tenant: TenantId) -> str:
        """See to it that a tenant is replicated once more from its first step, without belief in what was not there.

        Answers the replication's id.
        """
        return self._submit(tenant, doubt=True)

    def delete(self, tenant: TenantId, deletion: Deletion) -> str:
        """Store the request to delete a tenant that is known and see to it; answers the id of the replication.

        What runs for the tenant is cancelled after its call. Asked again it is the same request.
        """
        return self._submit(tenant, deletion=_document(deletion), by=deletion.requested_by)

    def approve(self, tenant: TenantId, by: str | None) -> Deletion | None:
        """Approve the request to delete a tenant, which cannot be undone; None: there is none, or it is done."""
        answer = self._run("approve", tenant=str(tenant), by=by)
        return Deletion.model_validate_json(answer) if answer else None

    def restore(self, tenant: TenantId, by: str | None = None) -> str | None:
        """Withdraw the request to delete a tenant; answers the replication's id, None: it is approved or done."""
        who = {} if by is None else {"by": by}
        answer = self._run("submit", tenant=str(tenant), replication=uuid4().hex, restore=True, **who)
        return None if answer is None else str(answer)

    def pump(self, queue: str, room: int, lease: timedelta, longest: timedelta, worker: str) -> list[Dispatch]:
        """Take what is due, at most what the queue has room for, and raise each dispatch number."""
        flat = self._run("pump", queue=queue, room=room, lease=_ms(lease), longest=_ms(longest), worker=worker)
        rows = zip(*[iter(flat)] * 5, strict=True)
        return [
            Dispatch(tenant, replication, CHAINS[chain], int(step), int(number))
            for tenant, replication, chain, step, number in rows
        ]

    def rest(self, longest: timedelta) -> None:
        """Wait until something is due or made due, at most for `longest`; one of all who rest hears the bell.

        What is due already and was not taken (the queue is full) does not shorten it.
        """
        first = self.redis.zrange(f"{self.prefix}due", 0, 0, withscores=True)
        seconds = longest.total_seconds()
        left = (first[0][1] - self._now()) / 1000 if first else seconds
        self.redis.blpop([f"{self.prefix}bell"], timeout=min(left, seconds) if left > 0 else seconds)

    def begin(
        self,
        replication: str,
        dispatch: int,
        step: int,
        holder: str,
        lease: timedelta,
        tenant: TenantId | None = None,
        chain: Chain = REPLICATION,
    ) -> Begun | None:
        """Take the lease for one step; None: the message is stale, or somebody runs it already.

        tenant  whose replication it must be; another one's, or an unknown replication, is counted as rejected
        """
        answer = self._run(
            "begin",
            replication=replication,
            dispatch=dispatch,
            step=step,
            chain=chain.name,
            name=chain.steps[step].name,
            holder=holder,
            lease=_ms(lease),
            unknown=UNKNOWN,
            **({} if tenant is None else {"tenant": str(tenant)}),
        )
        if not answer:
            return None
        desired, handles, document, retry_state, asked_at, failed, error, deletion, doubt, asked_by = answer
        state = StepState.model_validate_json(document) if document else StepState(name=chain.steps[step].name)
        return Begun(
            Desired.model_validate_json(desired),
            HANDLES.validate_json(handles),
            state,
            json.loads(retry_state),
            datetime.fromisoformat(asked_at),
            tuple(json.loads(failed)),
            LastError.model_validate_json(error) if error else None,
            Deletion.model_validate_json(deletion) if deletion else None,
            bool(doubt),
            asked_by or None,
        )

    def renew(self, replication: str, holder: str, lease: timedelta, handles: Handles | None = None) -> bool:
        """Keep the lease, and write handles ahead when given; False: somebody else has it now, nothing was written."""
        extra = {"handles": _handles(handles)} if handles is not None else {}
        return bool(self._run("renew", replication=replication, holder=holder, lease=_ms(lease), **extra))

    def record(self, replication: str, holder: str, outcome: StepRecord) -> bool:
        """Record how a step ended and give the lease back; False: somebody else has it now, nothing was written."""
        document = _document(outcome.document)
        event = {"type": "step", "replication": replication, **json.loads(document), "at": _iso_now()}
        optional = {
            "handles": _handles(outcome.handles) if outcome.handles is not None else None,
            "error": _document(outcome.error) if outcome.error else None,
            "lane": outcome.lane,
            "next": (outcome.following or outcome.step + 1) if outcome.advance else None,
            "heard": None if outcome.heard is None else int(outcome.heard),
            "news": outcome.news[0] if outcome.news else None,
            "sign": outcome.news[1] if outcome.news else None,
        }
        return bool(
            self._run(
                "record",
                replication=replication,
                holder=holder,
                step=outcome.step,
                document=document,
                retry_state=json.dumps(outcome.retry_state or {}),
                event=json.dumps(event),
                failed=json.dumps(outcome.failed),
                parked=int(outcome.parked),
                polls=int(outcome.polls),
                state=outcome.state,
                due=_ms(outcome.due),
                **{name: value for name, value in optional.items() if value is not None},
            )
        )

    def cancel(self, replication: str) -> State | None:
        """Cancel a replication, at once or after the call that runs now; answers its state before, None: unknown."""
        state = self._run("cancel", replication=replication)
        return State(state) if state else None

    def enter(self, lane: str, place: str, replication: str, limit: int) -> int | None:
        """Take a place in a lane; answers -1 when we have it, else how many wait before us; None: it has ended."""
        ahead = self._run("enter", lane=lane, place=place, replication=replication, limit=limit)
        return None if ahead is None else int(ahead)

    def leave(self, lane: str, place: str, replication: str) -> None:
        """Give a place back and wake who is next."""
        self._run("leave", lane=lane, place=place, replication=replication)

    def take(self, rate: Rate, replication: str, tokens: int, *, owed: bool = False) -> timedelta:
        """Take tokens of a rate; answers how long our turn is still to come, zero when we have them.

        owed    they are used already (or, negative, given back): always taken, whoever comes later waits for the debt
        """
        wait = self._run(
            "take",
            rate=rate.name,
            per_second=rate.per_second,
            burst=rate.burst,
            replication=replication,
            tokens=tokens,
            owed=owed,
        )
        return timedelta(milliseconds=int(wait))

    def slow(self, limits: Iterable[str]) -> None:
        """Use half of these lanes and rates from now on; they recover by themselves."""
        self._run("slow", limits=list(limits))

    def emit(self, tenant: str, event: dict[str, Any]) -> None:
        """Append to the tenant's events."""
        key = self.events_key(tenant)
        with self.redis.pipeline() as pipeline:
            pipeline.xadd(key, {"data": json.dumps(event)}, maxlen=self._common["history"], approximate=True)
            pipeline.pexpire(key, self._common["retention"])
            pipeline.execute()

    def events_key(self, tenant: TenantId | str) -> str:
        """Name the stream of a tenant's events; each entry has the field `data`, a JSON document with a `type`."""
        return f"{self.prefix}events:{tenant}"

    @property
    def audit_key(self) -> str:
        """Name the stream of every write to AWS: `tasks/state/audit.py`."""
        return f"{self.prefix}audit"

    def question_key(self, question: str) -> str:
        """Name the hash of a question that a worker answers: `tasks/questions/question.py`."""
        return f"{self.prefix}question:{question}"

    def failures_key(self, address: str) -> str:
        """Name the counter of wrong API tokens from an address."""
        return f"{self.prefix}failures:{address}"

    def reject(self, reason: str) -> None:
        """Count a message in the queue that was not ours; `reason` is one of a few."""
        self.redis.hincrby(f"{self.prefix}rejected", reason, 1)

    def rejected(self) -> dict[str, int]:
        """Tell how many messages in the queue were not ours, by reason."""
        return {reason: int(count) for reason, count in self.redis.hgetall(f"{self.prefix}rejected").items()}

    def tally(self, what: str) -> None:
        """Count something that happened; `what` is one of a few."""
        self.redis.hincrby(f"{self.prefix}counts", what, 1)

    def tallies(self) -> dict[str, int]:
        """Tell what has happened how often."""
        return {what: int(times) for what, times in self.redis.hgetall(f"{self.prefix}counts").items()}

    def tenant(self, tenant: TenantId) -> TenantRecord | None:
        """Read a tenant; None: nobody has ordered it."""
        with self.redis.pipeline(transaction=False) as pipeline:
            pipeline.hgetall(f"{self.prefix}tenant:{tenant}")
            pipeline.hmget(f"{self.prefix}pauses", [str(tenant), tenant.platform])
            row, pauses = pipeline.execute()
        if not row:
            return None
        return tenant_of(tenant, row, next(filter(None, pauses), None))

    def tenants(self, prefix: str = "") -> Iterable[TenantSummary]:
        """Yield every tenant whose name starts with `prefix`, sorted by name; a few hundred each round trip."""
        start = f"[{prefix}" if prefix else "-"
        stop = f"({prefix}\xff" if prefix else "+"
        while names := self.redis.zrangebylex(f"{self.prefix}tenants", start, stop, 0, 500):
            with self.redis.pipeline(transaction=False) as pipeline:
                for name in names:
                    pipeline.hmget(f"{self.prefix}tenant:{name}", ["desired", "handles", "state", "updated_at"])
                for name, row in zip(names, pipeline.execute(), strict=True):
                    yield summary_of(name, row)
            start = f"({names[-1]}"

    def census(self) -> Census:
        """Count tenants, and replications that have not ended; one round trip for 200 of both."""
        found = Census()
        for first in count(0, CENSUS):
            tenants, still_open, more = self._run("census", first=first, last=first + CENSUS - 1)
            found.add(tenants, still_open)
            if not more:
                break
        return found

    def all_handles(self) -> Iterable[Handles]:
        """Yield the handles of every tenant; a few hundred each round trip."""
        start = "-"
        while names := self.redis.zrangebylex(f"{self.prefix}tenants", start, "+", 0, 500):
            with self.redis.pipeline(transaction=False) as pipeline:
                for name in names:
                    pipeline.hget(f"{self.prefix}tenant:{name}", "handles")
                yield from (HANDLES.validate_json(row) for row in pipeline.execute())
            start = f"({names[-1]}"

    def replication(self, replication: str) -> Replication | None:
        """Read a replication with every step; None: unknown, or ended longer than the retention ago."""
        row: dict[str, str] = self.redis.hgetall(f"{self.prefix}replication:{replication}")
        if not row:
            return None
        return replication_of(row, self.redis.hget(f"{self.prefix}tenant:{row['tenant']}", "handles"))

    def replications(self, ids: Iterable[str]) -> list[Replication]:
        """Read replications, in two round trips; those that are unknown are left out."""
        with self.redis.pipeline(transaction=False) as pipeline:
            for replication in ids:
                pipeline.hgetall(f"{self.prefix}replication:{replication}")
            rows = [row for row in pipeline.execute() if row]
            for row in rows:
                pipeline.hget(f"{self.prefix}tenant:{row['tenant']}", "handles")
            return [replication_of(row, handles) for row, handles in zip(rows, pipeline.execute(), strict=True)]

    def history(self, tenant: TenantId, most: int) -> list[Replication]:
        """Read a tenant's replications, the newest first, as long as their records are kept; in three round trips."""
        return self.replications(self.redis.zrevrange(f"{self.prefix}history:{tenant}", 0, most - 1))

    def raw(self, tenant: TenantId) -> tuple[dict[str, str], list[dict[str, str]]]:
        """Read the fields of a tenant and of its replications, the oldest first, as they stand: for backups."""
        with self.redis.pipeline() as pipeline:
            pipeline.hgetall(f"{self.prefix}tenant:{tenant}")
            pipeline.zrange(f"{self.prefix}history:{tenant}", 0, -1)
            row, replications = pipeline.execute()
            for replication in replications:
                pipeline.hgetall(f"{self.prefix}replication:{replication}")
            return row, [each for each in pipeline.execute() if each]

    def reinstate(self, tenant: str, fields: Mapping[str, str], replications: list[dict[str, str]]) -> bool:
        """Put back a tenant of a backup with its replications, all of which have ended; False: it is there already."""
        asked = [int(datetime.fromisoformat(each["requested_at"]).timestamp() * 1000) for each in replications]
        given = {"fields": dict(fields), "replications": replications, "asked": asked}
        return bool(self._run("reinstate", tenant=tenant, **given))

    def resume(self, name: str) -> bool:
        """Let run again what was paused under the name of a tenant or a platform; False: it was not paused."""
        return bool(self._run("resume", name=name))

    def keep_rollout(self, rollout: str, document: str) -> None:
        """Keep which replications belong to a rollout."""
        self.redis.set(f"{self.prefix}rollout:{rollout}", document, px=self._common["retention"])

    def rollout(self, rollout: str) -> str | None:
        """Read what was kept of a rollout; None: unknown, or asked for longer than the retention ago."""
        found: str | None = self.redis.get(f"{self.prefix}rollout:{rollout}")
        return found

    def idle(self, since: timedelta, most: int) -> list[TenantId]:
        """Name tenants whose last replication ended longer than `since` ago, the oldest first."""
        found = self.redis.zrangebyscore(f"{self.prefix}replicated", "-inf", self._now() - _ms(since), 0, most)
        return [TenantId.parse(name) for name in found]

    def postpone(self, tenant: TenantId) -> None:
        """Count a tenant as replicated now, although it was not."""
        self.redis.zadd(f"{self.prefix}replicated", {str(tenant): self._now()})

    def workers(self, within: timedelta) -> list[str]:
        """Name the workers whose pump has looked within that time."""
        since = self._now() - _ms(within)
        return list(self.redis.zrangebyscore(f"{self.prefix}workers", since, "+inf"))

    def _now(self) -> int:
        seconds, micros = self.redis.time()
        return int(seconds * 1000 + micros // 1000)

    def _submit(self, tenant: TenantId, **order: Any) -> str:
        given = {name: value for name, value in order.items() if value is not None}
        answer = self._run("submit", tenant=str(tenant), replication=uuid4().hex, **given)
        if isinstance(answer, list):
            raise AccountTaken(order["account"], answer[0])
        return str(answer)

    def _run(self, script: str, /, **parameters: Any) -> Any:
        document = {**self._common, "at": _iso_now(), **parameters}
        return self._scripts[script](args=[json.dumps(document)])

    def _script(self, name: str) -> Script:
        folder = files("tasks.state") / "lua"
        text = (folder / "common.lua").read_text() + (folder / f"{name}.lua").read_text()
        script: Script = self.redis.register_script(text)
        return script


def _content(desired: Desired) -> str:
    """Write a desired state so that the same content is the same text."""
    document = desired.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude_none=True)
    return json.dumps(document, sort_keys=True)


def _document(part: Document) -> str:
    return part.model_dump_json(by_alias=True, exclude_none=True)


def _handles(handles: Handles) -> str:
    return HANDLES.dump_json(handles, exclude_defaults=True).decode()


def _iso_now() -> str:
    return datetime.now(UTC).isoformat()


def _ms(time: timedelta) -> int:
    return round(time.total_seconds() * 1000)
