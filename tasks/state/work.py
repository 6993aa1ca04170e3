"""The work on replications: who takes what is due, holds the lease of a step, and records how the step ended."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from tasks.chain import AWAIT_APPROVAL, CHAINS
from tasks.model.batch import joined
from tasks.model.desired import Deletion, Desired, TenantId
from tasks.model.handles import HANDLES, Handles
from tasks.model.replication import LastError, State, StepState
from tasks.state.counts import Rejection
from tasks.state.database import Part
from tasks.state.outcome import Begun, Dispatch, StepRecord
from tasks.state.parameters import Begin, Pump, Record, Renew, Settle, milliseconds
from tasks.state.records import compact, handles_json, json_of
from tasks.state.scripts import iso_now

SILENCE = timedelta(seconds=5)  # at least; a worker that has paused for less is only busy
LOOKS = 10  # a worker that has missed so many looks at the due index is gone


def alive_within(pump_interval: timedelta) -> timedelta:
    """Return within which time a worker has looked that still runs.

    >>> alive_within(timedelta(seconds=0.2)), alive_within(timedelta(seconds=30))
    (datetime.timedelta(seconds=5), datetime.timedelta(seconds=300))
    """
    return max(SILENCE, LOOKS * pump_interval)


class Renewal(StrEnum):
    """What became of a lease that was to be kept."""

    KEPT = "kept"
    CANCELLED = "cancelled"  # kept for the call that runs now, and for no other: what runs is replaced or cancelled
    LEFT = "left"  # given up: the call that runs now is a stray one, and what comes next has begun
    LOST = "lost"  # somebody else has it now


class Following(StrEnum):
    """Who begins the step that follows, when the task that ran the one before does not."""

    MESSAGE = "message"  # the next message of the chain
    PUMP = "pump"  # somebody waits for the thread, or may soon, and comes first


class OwnedByAnother(Exception):
    """What the handles name is another tenant's: `what` is like `account 123456789012`."""

    def __init__(self, what: str, tenant: str) -> None:
        super().__init__(what, tenant)
        self.what = what
        self.tenant = tenant


class Work(Part):
    """Hands out the work. Raises redis.RedisError when Redis is away."""

    def pump(
        self,
        queue: str,
        room: int,
        lease: timedelta,
        longest: timedelta,
        worker: str,
        *,
        kept: int = 0,
        first: bool = False,
    ) -> list[Dispatch]:
        """Take what is due, at most what the threads and the queue have room for, and raise each dispatch number.

        room    threads of this worker for everybody, and as many messages may wait in the queue
        kept    its threads for who may have access to take away
        first   it is the first look of this worker
        """
        asked = Pump(queue=queue, room=room, lease=lease, longest=longest, worker=worker, kept=kept, first=first)
        taken = json.loads(self._run(asked))
        return [Dispatch(**{**each, "chain": CHAINS[each["chain"]]}) for each in taken]

    def leave(self, worker: str, running: int) -> None:
        """Count as a worker's threads only those that still run a replication; none: the worker has gone."""
        workers, rooms = self._keys.workers, self._keys.rooms
        with self._redis.pipeline() as pipeline:
            if running:
                pipeline.zadd(workers, {worker: self._database.now()})
                pipeline.hset(rooms, worker, f"{running} 0")
            else:
                pipeline.zrem(workers, worker)
                pipeline.hdel(rooms, worker)
            pipeline.execute()

    def rest(self, longest: timedelta) -> None:
        """Wait until something is due or made due, at most for `longest`; one of all who rest is woken.

        What is due already and was not taken (the queue is full) does not shorten it.
        """
        with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.zrange(self._keys.due, 0, 0, withscores=True)
            pipeline.zrange(self._keys.looks, 0, 0, withscores=True)
            due, looks = pipeline.execute()
        seconds, first = longest.total_seconds(), min((at for _, at in (*due, *looks)), default=math.inf)
        left = (first - self._database.now()) / 1000
        self._redis.blpop([self._keys.wakeups], timeout=min(left, seconds) if left > 0 else seconds)

    def begin(self, dispatch: Dispatch, holder: str, lease: timedelta) -> Begun | None:
        """Take the lease for one step; None: the message is stale, or somebody runs it already.

        A replication that is unknown, or another tenant's, is counted as a rejected message.
        """
        step = dispatch.chain.steps[dispatch.step].name
        answer = self._run(
            Begin(
                replication=dispatch.replication,
                tenant=dispatch.tenant,
                chain=dispatch.chain.name,
                dispatch=dispatch.number,
                step=dispatch.step,
                name=step,
                holder=holder,
                lease=lease,
                unknown=Rejection.UNKNOWN_REPLICATION,
            )
        )
        return _begun(json.loads(answer), step) if answer else None

    def renew(
        self,
        replication: str,
        holder: str,
        lease: timedelta,
        handles: Handles | None = None,
        *,
        doubted: bool = False,
        gives_way: bool = False,
    ) -> Renewal:
        """Keep the lease, and write handles ahead when given.

        doubted     these handles are those in which the replication's doubt is written down
        gives_way   the holder has known for a while that it is replaced, and only waits for the end of one call
        Raises OwnedByAnother when the handles name something that is another tenant's; they were not written then.
        """
        if handles is None:
            answer = self._run(Renew(replication=replication, holder=holder, lease=lease, gives_way=gives_way))
        else:
            ahead = Renew(
                replication=replication, holder=holder, lease=lease, handles=handles_json(handles), doubted=doubted
            )
            answer = self._promise(ahead)  # a call to AWS is about to rely on it
        if isinstance(answer, list):
            raise OwnedByAnother(*answer)
        return Renewal(answer)

    def settle(self, tenant: TenantId, holder: str, *, wrote: bool, let_in: bool) -> bool:
        """Note that a stray call has ended; False: somebody may have looked too early, and must look once more.

        wrote    it may have changed something
        let_in   that may be who is in a group, or what a group is assigned
        """
        return bool(self._run(Settle(tenant=str(tenant), holder=holder, wrote=wrote, let_in=let_in)))

    def record(self, replication: str, holder: str, outcome: StepRecord, stored: Handles | None = None) -> bool:
        """Record how a step ended and give the lease back; False: somebody else has it now, nothing was written.

        stored   the handles that certainly stand in Redis: the same ones are not written again
        Raises OwnedByAnother when the handles name something that is another tenant's; nothing was written then.
        """
        return bool(self._recorded(_record(replication, holder, outcome, stored)))

    def go_on(
        self,
        dispatch: Dispatch,
        holder: str,
        outcome: StepRecord,
        begun: Begun,
        stored: Handles | None,
        queue: str | None,
    ) -> Begun | Following | None:
        """As `record`; and begin the step that follows under the same lease, if nobody else needs the thread.

        begun   what the step that has ended began with
        queue   the broker's key; None: nobody there waits for this thread
        Answers what the step that follows begins with, or who begins it; None: somebody else has the lease now.
        """
        name = dispatch.chain.steps[_following(outcome)].name
        given = _record(dispatch.replication, holder, outcome, stored)
        answer = self._recorded(given.model_copy(update={"begins": name, "queue": queue}))
        if isinstance(answer, str):
            return _begun_next(json.loads(answer), begun, outcome, name)
        return {0: None, 1: Following.MESSAGE, 2: Following.PUMP}[answer]

    def _recorded(self, given: Record) -> Any:
        answer = self._run(given)
        if isinstance(answer, list):
            raise OwnedByAnother(*answer)
        return answer

    def workers(self, within: timedelta) -> list[str]:
        """Name the workers whose pump has looked within that time."""
        since = self._database.now() - milliseconds(within)
        return list(self._redis.zrangebyscore(self._keys.workers, since, "+inf"))

    def overdue(self) -> timedelta:
        """Return how long the next check of a replication is overdue; zero when none is due."""
        first = self._redis.zrange(self._keys.due, 0, 0, withscores=True)
        late = self._database.now() - first[0][1] if first else 0
        return timedelta(milliseconds=max(late, 0))

    def due(self) -> int:
        """Count the replications that somebody must look at now and that no worker has taken."""
        return int(self._redis.zcount(self._keys.due, "-inf", self._database.now()))

    def withdrawing(self) -> list[TenantId]:
        """Name the tenants whose newest order may take access away, and of which no first step has succeeded since."""
        return sorted(map(TenantId.parse, self._redis.smembers(self._keys.withdrawing)))

    def queued(self, *queues: str) -> int:
        """Count the messages under the broker's keys that no worker has taken yet."""
        return sum(int(self._redis.llen(queue)) for queue in queues)


def _handles(row: dict[str, Any]) -> Handles:
    """Read the handles, with what somebody else's operation does for the tenant (tasks/model/batch.py)."""
    handles = HANDLES.validate_json(row["handles"])
    return joined(handles, json.loads(row["joined"])) if "joined" in row else handles


def _following(outcome: StepRecord) -> int:
    return outcome.step + 1 if outcome.following is None else outcome.following


def _record(replication: str, holder: str, outcome: StepRecord, stored: Handles | None) -> Record:
    document = json_of(outcome.document)
    event = {"type": "step", "replication": replication, **json.loads(document), "at": iso_now()}
    return Record(
        replication=replication,
        holder=holder,
        step=outcome.step,
        document=document,
        state=outcome.state,
        due=outcome.due,
        event=None if outcome.again else compact(event),
        retry_state=compact(outcome.retry_state or {}),
        failed=compact(outcome.failed),
        idle=compact(dict(outcome.idle)),
        parked=outcome.parked,
        approval=outcome.document.name == AWAIT_APPROVAL and outcome.document.state is State.WAITING,
        polls=outcome.polls,
        beside=outcome.beside,
        next=_following(outcome) if outcome.advance else None,
        handles=None if outcome.handles in (None, stored) else handles_json(outcome.handles),
        error=None if outcome.error is None else json_of(outcome.error),
        lane=outcome.lane,
        gate=outcome.gate,
        let_in=outcome.let_in,
        responded=outcome.responded,
        alert=outcome.alert.document if outcome.alert else None,
        fingerprint=outcome.alert.fingerprint if outcome.alert else None,
    )


def _begun_next(row: dict[str, Any], before: Begun, outcome: StepRecord, step: str) -> Begun:
    """Read what the script `record` answers; the rest is as it was, or as it was recorded."""
    return replace(
        before,
        handles=before.handles if outcome.handles is None else outcome.handles,
        step=StepState.model_validate_json(row["document"]) if "document" in row else StepState(name=step),
        retry_state={},
        late=timedelta(),
        failed=outcome.failed,
        error=outcome.error,
        doubt="doubt" in row,
        doubted="doubted" in row,
        urgent_since=None,
        joined=False,
    )


def _moment(milliseconds_since_epoch: float | str) -> datetime:
    return datetime.fromtimestamp(float(milliseconds_since_epoch) / 1000, UTC)


def _begun(row: dict[str, Any], step: str) -> Begun:
    """Read what the script `begin` answers; what does not exist is not there."""
    return Begun(
        desired=Desired.model_validate_json(row["desired"]),
        handles=_handles(row),
        step=StepState.model_validate_json(row["document"]) if "document" in row else StepState(name=step),
        retry_state=json.loads(row["retry_state"]),
        asked_at=datetime.fromisoformat(row["asked_at"]),
        at=_moment(row["at"]),
        late=timedelta(milliseconds=row["late"]),
        failed=tuple(json.loads(row.get("failed", "[]"))),
        error=LastError.model_validate_json(row["error"]) if "error" in row else None,
        deletion=Deletion.model_validate_json(row["deletion"]) if "deletion" in row else None,
        doubt="doubt" in row,
        doubted="doubted" in row,
        first=int(row.get("first", 0)),
        asked_by=row.get("asked_by"),
        trace=row.get("trace"),
        daily="daily" in row,
        urgent_since=_moment(row["urgent_since"]) if "urgent_since" in row else None,
        joined="joined" in row,
        stray=timedelta(milliseconds=float(row["stray"])) if "stray" in row else None,
    )
