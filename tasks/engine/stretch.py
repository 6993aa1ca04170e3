"""A stretch: the steps that one task runs one after the other, under one lease.

A message whose dispatch number is not the record's does nothing and ends its chain. Else the task takes the lease and
runs its step. When that is done and nobody else waits for the thread, the script that records it begins the next step
at once (record.lua), and the same task goes on with it: that costs neither a message nor another lease. When all
threads are busy and somebody waits in the queue, the thread is theirs. Mostly those may have access to take away, and
all of them come first: the replication stands in the due index again, in the order of asking. So does one that has
taken access away while the threads for everybody are all taken: what is left of it must not hang in a kept one. In the
other cases in which the next step cannot begin at once, the message's chain goes on with it.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import replace
from time import monotonic
from uuid import uuid4

import structlog
from redis import RedisError

from config import tracing
from tasks.engine import verdict
from tasks.engine.execution import Ended, Execution
from tasks.engine.host import Host
from tasks.engine.lease import Lease, Leases
from tasks.engine.surroundings import Clock, Held
from tasks.limits.call_rates import Allowance
from tasks.limits.lanes import ReplicationPlaces
from tasks.model.desired import TenantId
from tasks.state.outcome import Begun, Dispatch
from tasks.worker import Worker


class Stretch:
    """Runs the step of a dispatch, and those after it as long as nobody else waits for the thread."""

    def __init__(self, worker: Worker, leases: Leases, dispatch: Dispatch, host: Host | None = None) -> None:
        """Prepare to run; raises ValueError when the dispatch names no tenant."""
        TenantId.parse(dispatch.tenant)
        self._worker = worker
        self._leases = leases
        self._dispatch = dispatch
        self._host = host or Host()
        self._holder = uuid4().hex
        self._log = structlog.get_logger(__name__).bind(
            tenant=dispatch.tenant, replication=dispatch.replication, step=dispatch.chain.steps[dispatch.step].name
        )

    def run(self) -> Ended:
        """Run the steps if the message is the newest; never raises for what a step or Redis may do.

        Answers how the dispatch's own step ended, and the step with which the message's chain goes on, if it does.
        """
        asked_at, time, dispatch = monotonic(), self._worker.settings.lease, self._dispatch
        try:
            begun = self._worker.store.work.begin(dispatch, self._holder, time)
            if begun is None:
                self._log.debug("stale: a newer message or another worker has it")
                return Ended("stale: a newer message or another worker has it")
            clock = Clock()
            clock.set(begun.at, asked_at)
            stored = None if begun.joined else begun.handles
            lease = Lease(self._worker.store, dispatch.replication, self._holder, time, asked_at, stored)
            places = ReplicationPlaces(self._worker.store, dispatch.replication, self._holder)
            allowed = Allowance(places, self._worker.expected_calls)
            with self._traced(begun), self._leases.kept(lease), allowed as allowance:
                return self._all(
                    verdict.undelayed(begun), Held(self._leases, lease, clock, allowance, self._host.is_full)
                )
        except RedisError as error:
            self._log.warning("Redis is unavailable; the due index continues this", error=str(error))
            return Ended("Redis is unavailable: continued later")

    def _traced(self, begun: Begun) -> AbstractContextManager[tracing.Span]:
        """Go on with the replication's trace, which began where it was ordered."""
        dispatch = self._dispatch
        about = {
            "connector.tenant": dispatch.tenant,
            "connector.replication": dispatch.replication,
            "messaging.system": "redis",
            "messaging.operation.type": "process",
            "messaging.message.id": dispatch.task_id(dispatch.step),
        }
        return tracing.span(f"process {dispatch.chain.name}", about, tracing.Kind.CONSUMER, begun.trace)

    def _all(self, begun: Begun, held: Held) -> Ended:
        first = last = Execution(self._worker, self._dispatch, begun, held).run()
        while last.begun is not None and last.following is not None:
            dispatch = replace(self._dispatch, step=last.following)
            last = self._host.show(dispatch, Execution(self._worker, dispatch, last.begun, held).run)
        return replace(first, following=last.following, begun=None)
