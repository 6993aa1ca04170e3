"""The Celery face of a step: one task per step, named `replication.<step>`, which carries ids only."""

from __future__ import annotations

from collections.abc import Callable

from celery import Celery, Task

from tasks.chain import CHAINS
from tasks.engine.execution import Ended, Execution
from tasks.engine.lease import Leases
from tasks.errors import PermanentError
from tasks.state.counts import Rejection
from tasks.state.outcome import Dispatch
from tasks.step import Chain
from tasks.steps import function_of
from tasks.worker import Worker


def register(app: Celery, connect: Callable[[], Worker], leases: Leases) -> None:
    """Make one Celery task of each step; the worker is made when the first task runs."""
    for chain in CHAINS.values():
        for index, step in enumerate(chain.steps):
            function_of(step)  # a step that cannot be imported stops the worker now, not an order later
            _register_step(app, chain, index, connect, leases)


def _register_step(app: Celery, chain: Chain, index: int, connect: Callable[[], Worker], leases: Leases) -> None:
    @app.task(name=chain.task(index), bind=True, throws=(PermanentError,))  # type: ignore[untyped-decorator]  # Celery has no types
    def run_step(task: Task, tenant: str, replication: str, dispatch: int) -> str:
        ended = _executed(connect(), leases, Dispatch(tenant, replication, chain, index, dispatch))
        _go_on(task, None if ended.following is None else chain.task(ended.following))
        if ended.failure is not None:
            raise ended.failure
        return ended.note


def _go_on(task: Task, following: str | None) -> None:
    """Let the rest of a task's chain begin with a step, so that no message is sent for what has nothing to do."""
    rest = task.request.chain or []
    while rest and rest[-1]["task"] != following:  # Celery keeps the rest of a chain in reverse
        rest.pop()


def _executed(worker: Worker, leases: Leases, dispatch: Dispatch) -> Ended:
    try:
        execution = Execution(worker, leases, dispatch)
    except ValueError:
        worker.store.counts.reject(Rejection.UNKNOWN_REPLICATION)
        return Ended(Rejection.UNKNOWN_REPLICATION)
    return execution.run()
