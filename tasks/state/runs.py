"""Building block runs of meshStack that a runner has claimed: how far each is, and which runner process holds it.

A run is held by one runner at a time, under a lease that the runner renews; a run whose lease has ended is taken over.
What is known of a run stays after its end for the retention, so that one that meshStack hands out again is known.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta

from redis.exceptions import LockNotOwnedError
from redis.lock import Lock

from tasks.model.desired import TenantId
from tasks.state.database import Part
from tasks.state.parameters import Admit, Hold, Note, Release, milliseconds

AWAKE = timedelta(minutes=1)  # a runner that has not looked for longer has ended; it may be in the midst of a request


@dataclass(frozen=True)
class HeldRun:
    """A run that somebody works on, as operators see it."""

    run: str
    record: str  # JSON text
    holder: str  # empty: nobody
    left: timedelta  # of the lease; negative: it has ended


class Runs(Part):
    """Keeps runs. Raises redis.RedisError when Redis is away."""

    def admit(self, run: Admit) -> tuple[str, bool]:
        """Store a run that was handed to us, and hold it.

        Answers what is stored of it (JSON text), and whether another runner was still working on it.
        """
        record, others = self._promise(run)
        return str(record), bool(others)

    def hold(self, runs: Sequence[str], most: int, holder: str, lease: timedelta) -> tuple[list[str], list[str]]:
        """Renew the leases of our runs; answers those that we have lost, and at most `most` that we have taken over."""
        lost, taken = self._run(Hold(runs=list(runs), most=most, holder=holder, lease=lease))
        return list(lost), list(taken)

    def note(self, run: str, record: str, holder: str, *, ended: bool = False, kept: timedelta | None = None) -> bool:
        """Write how far a run is; False: somebody else holds it, and nothing was written.

        kept   how long the record stays; None: as long as the table of keys says
        """
        return bool(self._promise(Note(run=run, record=record, holder=holder, ended=ended, kept=kept)))

    def release(self, runs: Sequence[str], holder: str) -> None:
        """Let other runners have our runs at once."""
        self._run(Release(runs=list(runs), holder=holder))

    def find(self, run: str) -> str | None:
        """Read what is stored of a run (JSON text); None: it is not known, or not any more."""
        found = self._redis.hget(self._keys.run(run), "record")
        return None if found is None else str(found)

    def token(self, run: str) -> str | None:
        """Read the token of a run, encrypted; None: there is none any more."""
        found = self._redis.get(self._keys.run_token(run))
        return None if found is None else str(found)

    def newest(self, block: str) -> tuple[int, str] | None:
        """Return the number and the uuid of the newest run of a building block; None: none is known."""
        number, run = self._redis.hmget(self._keys.block(block), ["number", "run"])
        return None if number is None or run is None else (int(number), str(run))

    def name_tenant(self, tenant: TenantId, uuid: str) -> None:
        """Remember which tenant of meshStack has ordered one of ours: names are used again, UUIDs are not."""
        self._redis.hset(self._keys.mesh_tenants, str(tenant), uuid)

    def named_tenant(self, tenant: TenantId) -> str | None:
        """Return the UUID of the tenant in meshStack that ordered one of ours last; None: it named none."""
        found = self._redis.hget(self._keys.mesh_tenants, str(tenant))
        return None if found is None else str(found)

    def named_tenants(self) -> dict[str, str]:
        """Return the UUID of every tenant of which meshStack, or an import, has told one."""
        return dict(self._redis.hgetall(self._keys.mesh_tenants))

    def open(self) -> Iterator[HeldRun]:
        """Yield every run that has not ended."""
        rows = self._redis.zrange(self._keys.runs, 0, -1, withscores=True)
        time = self._database.now()
        for run, until in rows:
            record, holder = self._redis.hmget(self._keys.run(run), ["record", "holder"])
            if record is not None:
                yield HeldRun(str(run), str(record), str(holder or ""), timedelta(milliseconds=until - time))

    def runners(self, within: timedelta) -> list[str]:
        """Name the runner processes that have looked within that time."""
        since = self._database.now() - milliseconds(within)
        return [str(each) for each in self._redis.zrangebyscore(self._keys.runners, since, "+inf")]

    def number(self) -> int:
        """Count the runs that have not ended."""
        return int(self._redis.zcard(self._keys.runs))

    @contextmanager
    def claiming(self, holder: str, lease: timedelta) -> Iterator[bool]:
        """Be the only runner that asks for a run while the block runs; gives False when another one is.

        `hold` renews it, so that a claim may take longer than the lease.
        """
        lock = Lock(self._redis, self._keys.claimer, timeout=lease.total_seconds(), thread_local=False)
        got = lock.acquire(blocking=False, token=holder)
        try:
            yield got
        finally:
            if got:
                with suppress(LockNotOwnedError):  # we could not renew it in time
                    lock.release()
