"""The pump: what is due is taken and dispatched as a chain; and the lease that keeps running work from being due.

Every replication that has not ended stands in the due index, scored by when somebody must look at it. Retry, polling,
wake-up, crash recovery and resume after a Redis outage are all this one mechanism; the broker may lose any message.

The queue is kept short (no longer than one worker's slots), so a backlog waits in the index, not in the broker: it can
neither multiply into messages nor grow old in the queue. A message that nobody has taken is sent again after the lease,
then after twice that time, and so on: on slow workers each message is given the time to be taken.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Event, Lock, Thread
from time import monotonic

import structlog
from celery import Celery, chain
from redis import RedisError

from config.celery import QUEUE
from tasks.errors import Stopping, Superseded
from tasks.model import Handles
from tasks.records import Dispatch
from tasks.store import Store

LONGEST_DELIVERY = timedelta(minutes=10)  # a message is never given longer than this to be taken
LONGEST_REST = timedelta(seconds=1)  # a pump that rests notices only then that its worker stops
log = structlog.get_logger(__name__)


class Pump:
    """A thread that looks into the due index and dispatches what is due; any number may run."""

    def __init__(self, app: Celery, store: Store, worker: str, room: int, every: timedelta, lease: timedelta) -> None:
        self._app = app
        self._store = store
        self._worker = worker
        self._room = room
        self._every = every
        self._lease = lease
        self._stopped = Event()
        self._thread = Thread(target=self._run, name="pump", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Take nothing any more; what was taken is in the queue already."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)  # seconds; a hanging Redis must not keep the worker alive

    def look(self) -> int:
        """Dispatch what is due now; answers how many replications that was."""
        taken = self._store.pump(QUEUE, self._room, self._lease, LONGEST_DELIVERY, self._worker)
        for dispatch in taken:
            send(self._app, dispatch)
        return len(taken)

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                self.look()
                self._store.rest(min(self._every, LONGEST_REST))
            except Exception as error:  # noqa: BLE001 (Redis or broker away: the index keeps everything)
                log.warning("the pump could not look, it tries again", error=str(error))
                self._stopped.wait(self._every.total_seconds())


def send(app: Celery, dispatch: Dispatch) -> None:
    """Send the rest of the chain as one message: ids only, never desired state, never a secret."""
    arguments = (dispatch.tenant, dispatch.replication, dispatch.number)
    rest = range(dispatch.step, len(dispatch.chain.steps))
    chain(*(app.signature(dispatch.chain.task(each), args=arguments, immutable=True) for each in rest)).apply_async()


@dataclass
class Lease:
    """The right to run one step of one replication, as long as it is renewed in time."""

    store: Store
    replication: str
    holder: str
    time: timedelta
    valid_until: float = field(init=False)  # by this machine's monotonic clock, in seconds

    def __post_init__(self) -> None:
        self.valid_until = monotonic() + self.time.total_seconds()

    def renew(self, handles: Handles | None = None) -> None:
        """Keep the lease and write handles ahead; raises Superseded when somebody else has taken over."""
        asked = monotonic()
        if not self.store.renew(self.replication, self.holder, self.time, handles):
            self.valid_until = asked
            raise Superseded(self.replication)
        self.valid_until = asked + self.time.total_seconds()

    @property
    def certain(self) -> bool:
        """Say whether the lease is certainly still ours."""
        return monotonic() < self.valid_until

    def check(self) -> None:
        """Raise Superseded unless the lease is certainly still ours: called before every write to AWS."""
        if not self.certain:
            raise Superseded(self.replication)


class Leases:
    """Keeps the leases of everything that runs in this process, with one thread for all of them."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._held: dict[str, Lease] = {}
        self._thread: Thread | None = None
        self._stopping = Event()

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
                    lease.renew()
                except (Superseded, RedisError) as error:
                    with self._lock:
                        if lease.holder not in self._held:  # given back just now, with the step's record
                            continue
                    log.warning("a lease could not be renewed", replication=lease.replication, error=str(error))
