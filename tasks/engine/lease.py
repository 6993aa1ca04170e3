"""The lease: the right to run steps of one replication, kept by one thread for all that runs in a process.

A newer order replaces what runs: the holder of the lease learns of it when it renews, and makes no further call. But
the call that runs then may hang for as long as its time-out, and taking access away waits for nothing. So a holder that
still waits for its call at the next renewal gives the lease up. The newer replication begins at once, beside that
*stray* call, with its first step only: to take away is right however often it is done. The older order's call may still
put somebody in, after the first step has looked. Therefore the stray call keeps an entry of its own for as long as it
runs; until that has ended nothing else of the newer replication runs; and then the first step looks once more, for as
long as AWS may take to show what the call has done (`Withdrawal`, `let_in_lately`). What the call has changed besides
is found because the newer replication is in doubt from then on.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from threading import Event, Lock, Thread
from time import monotonic

import structlog
from redis import RedisError

from tasks.errors import AccountNotOurs, NotOurs, Replaced, Stopping, Superseded
from tasks.model.handles import Handles
from tasks.state.store import Store
from tasks.state.work import OwnedByAnother, Renewal

log = structlog.get_logger(__name__)


@dataclass
class Lease:
    """The right to run steps of one replication, as long as it is renewed in time.

    asked_at  when the lease was asked for, by this machine's monotonic clock in seconds: it counts from then on
    """

    store: Store
    replication: str
    holder: str
    time: timedelta
    asked_at: float
    stored: Handles | None = None  # those that certainly stand in Redis, so that they need not be written again
    replaced: bool = False  # no other call may be made
    left: bool = False  # given up for a newer replication: the call that runs is a stray one

    @property
    def certain(self) -> bool:
        """Say whether the lease is certainly still ours."""
        return monotonic() < self.asked_at + self.time.total_seconds()

    def renew(self, handles: Handles | None = None, *, doubted: bool = False) -> None:
        """Keep the lease and write handles ahead; `doubted` says that the replication's doubt is written down in them.

        Raises Superseded when somebody else has taken over, NotOurs when the handles name what is another tenant's.
        """
        asked = monotonic()
        self.stored = None if handles is not None else self.stored
        try:
            renewal = self.store.work.renew(self.replication, self.holder, self.time, handles, doubted=doubted)
        except OwnedByAnother as owned:
            raise not_ours(owned) from owned
        self._renewed(renewal, asked)
        self.stored = handles or self.stored

    def keep(self) -> None:
        """As `renew`, from outside of the step; gives the lease up when the step has known that it is replaced."""
        asked = monotonic()
        self._renewed(self.store.work.renew(self.replication, self.holder, self.time, gives_way=self.replaced), asked)

    def _renewed(self, renewal: Renewal, asked: float) -> None:
        self.replaced = self.replaced or renewal in (Renewal.CANCELLED, Renewal.LEFT)
        self.left = self.left or renewal is Renewal.LEFT
        self.asked_at = asked if renewal in (Renewal.KEPT, Renewal.CANCELLED) else -math.inf
        if renewal is Renewal.LOST:
            raise Superseded(self.replication)

    def check(self) -> None:
        """Raise Superseded unless the lease is certainly still ours, Replaced when a newer order is to run."""
        if not self.certain:
            raise Superseded(self.replication)
        if self.replaced:
            raise Replaced

    def confirm(self) -> None:
        """As `check`, by the newest word: called before a write that cannot be taken back."""
        self.renew()
        self.check()


def not_ours(owned: OwnedByAnother) -> NotOurs:
    """Return the error of a step that has found what another tenant has."""
    remedy = (
        f"Find out whose it is. If it is this tenant's, delete or correct the tenant {owned.tenant} first; "
        "otherwise order this tenant with its own account, or change the pattern that gives both the same name. "
        "Then retry."
    )
    message = f"{owned.what} belongs to tenant {owned.tenant}"
    if owned.what.startswith("account "):
        return AccountNotOurs("OwnedByAnother", message, remedy=remedy)
    return NotOurs("OwnedByAnother", message, remedy=remedy)


class Leases:
    """Keeps the leases of everything that runs in this process, with one thread for all of them."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._held: dict[str, Lease] = {}
        self._thread: Thread | None = None
        self._stopping = Event()

    @property
    def running(self) -> int:
        """How many replications run, of which each has a lease."""
        return len(self._held)

    def stop(self) -> None:
        """From now on every step ends before its next call, and gives its lease back."""
        self._stopping.set()

    def check(self) -> None:
        """Raise Stopping when this process is to end: called before every call to AWS."""
        if self._stopping.is_set():
            raise Stopping

    @contextmanager
    def kept(self, lease: Lease) -> Iterator[Lease]:
        """Renew the lease in the background while the block runs."""
        with self._lock:
            self._held[lease.holder] = lease
            if self._thread is None or not self._thread.is_alive():  # a forked child has no thread of its parent's
                self._thread = Thread(target=self._renew_all, args=(lease.time / 5,), name="leases", daemon=True)
                self._thread.start()
        try:
            yield lease
        finally:
            with self._lock:
                del self._held[lease.holder]

    def _renew_all(self, every: timedelta) -> None:
        pause = Event()
        while True:
            pause.wait(every.total_seconds())
            with self._lock:
                held = list(self._held.values())
            for lease in held:
                try:
                    lease.keep()
                except (Superseded, RedisError) as error:
                    with self._lock:
                        if lease.holder not in self._held:  # given back just now, with the step's record
                            continue
                    log.warning("a lease could not be renewed", replication=lease.replication, error=str(error))
