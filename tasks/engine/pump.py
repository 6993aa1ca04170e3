"""The pump: what is due is taken and dispatched as a chain; and the lease that keeps running work from being due.

Every replication that has not ended stands in the due index, scored by when somebody must look at it. Retry, polling,
wake-up, crash recovery and resume after a Redis outage are all this one mechanism; the broker may lose any message.

No more is dispatched than there are threads, so a backlog waits in the index, not in the broker: it can neither
multiply into messages nor grow old in the queue. A few threads are kept for who may have access to take away, because
all the others may hang in calls that AWS does not answer. A message that nobody has taken is sent again after the
lease, then after twice that time, and so on: on slow workers each message is given the time to be taken.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from threading import Event, Thread
from time import monotonic, sleep

import structlog
from celery import Celery
from redis import RedisError

from config.celery import QUEUE
from config.threads import Threads
from tasks.state.outcome import Dispatch
from tasks.state.store import Store

LONGEST_DELIVERY = timedelta(minutes=10)  # a message is never given longer than this to be taken
LONGEST_REST = timedelta(seconds=1)  # a pump that rests notices only then that its worker stops
HANGS_SECONDS = 60.0  # without a turn; one that Redis holds up turns sooner, after the client's time-out
log = structlog.get_logger(__name__)


class Pump:
    """A thread that looks into the due index and dispatches what is due; any number may run."""

    def __init__(
        self,
        app: Celery,
        store: Store,
        worker: str,
        threads: Threads,
        every: timedelta,
        lease: timedelta,
        running: Callable[[], int],
    ) -> None:
        """Prepare to look.

        running   answers how many replications this worker runs
        """
        self._app = app
        self._store = store
        self._worker = worker
        self._threads = threads
        self._every = every
        self._lease = lease
        self._running = running
        self._looked = False
        self._stopped = Event()
        self._looks_no_more = Event()
        self._turned = monotonic()
        self._thread = Thread(target=self._run, name="pump", daemon=True)

    @property
    def turns(self) -> bool:
        """Whether it looks, or tries to: False means that it hangs, and only a new process helps."""
        return self._stopped.is_set() or monotonic() - self._turned < HANGS_SECONDS

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Take nothing any more; what was taken is in the queue already."""
        self._stopped.set()
        if self._thread.is_alive():
            self._looks_no_more.wait(timeout=5)  # seconds; a hanging Redis must not keep the worker alive

    def look(self) -> int:
        """Dispatch what is due now; answers how many replications that was."""
        taken = self._store.work.pump(
            QUEUE,
            self._threads.room,
            self._lease,
            LONGEST_DELIVERY,
            self._worker,
            kept=self._threads.kept,
            first=not self._looked,
        )
        self._looked = True
        for dispatch in taken:
            send(self._app, dispatch)
        return len(taken)

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._turned = monotonic()
            try:
                self.look()
                self._store.work.rest(min(self._every, LONGEST_REST))
            except Exception as error:  # noqa: BLE001 (Redis or broker away: the index keeps everything)
                log.warning("cannot read the work queue in Redis; retrying", error=str(error))
                self._stopped.wait(self._every.total_seconds())
        self._looks_no_more.set()
        self._leave()

    def _leave(self) -> None:
        """Let other workers count the threads that still run something, as long as they do, and no more.

        Calls that hang may hold them for a minute: what they hold must not count as held of the others' threads.
        """
        while running := self._running():
            self._tell(running)
            sleep(LONGEST_REST.total_seconds())
        self._tell(0)

    def _tell(self, running: int) -> None:
        try:
            self._store.work.leave(self._worker, running)
        except RedisError as error:
            log.warning("cannot tell in Redis that this worker stops", error=str(error))


def send(app: Celery, dispatch: Dispatch) -> None:
    """Send the rest of the chain as one message: ids only, never desired state, never a secret."""
    arguments = (dispatch.tenant, dispatch.replication, dispatch.number)
    first, *rest = (
        app.signature(dispatch.chain.task(each), args=arguments, immutable=True, task_id=dispatch.task_id(each))
        for each in range(dispatch.step, len(dispatch.chain.steps))
    )
    first.apply_async(chain=rest[::-1])  # what Celery's `chain` sends too, after it has copied each of them three times
