"""The Celery face of a step: one task per step, named `replication.<step>`, which carries ids only.

A task may run steps behind its own (`stretch.py`). Each of them is shown in Flower as the task that it would have been.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from celery import Celery, Task

from tasks.chain import CHAINS
from tasks.engine.execution import Ended
from tasks.engine.host import Host
from tasks.engine.lease import Leases
from tasks.engine.stretch import Stretch
from tasks.errors import PermanentError
from tasks.state.counts import Rejection
from tasks.state.outcome import Dispatch
from tasks.step import Chain
from tasks.steps import function_of
from tasks.worker import Worker


def register(app: Celery, connect: Callable[[], Worker], leases: Leases, host: Host) -> None:
    """Make one Celery task of each step; the worker is made when the first task runs."""
    for chain in CHAINS.values():
        for index, step in enumerate(chain.steps):
            function_of(step)  # a step that cannot be imported stops the worker now, not an order later
            _register_step(app, chain, index, partial(_executed, connect, leases, host))


def _register_step(app: Celery, chain: Chain, index: int, execute: Callable[[Dispatch], Ended]) -> None:
    @app.task(name=chain.task(index), bind=True, throws=(PermanentError,))  # type: ignore[untyped-decorator]  # Celery has no types
    def run_step(task: Task, tenant: str, replication: str, dispatch: int) -> str:
        ended = execute(Dispatch(tenant, replication, chain, index, dispatch))
        _go_on(task, None if ended.following is None else chain.task(ended.following))
        if ended.failure is not None:
            raise ended.failure
        return ended.note


def _go_on(task: Task, following: str | None) -> None:
    """Let the rest of a task's chain begin with a step: those before it have nothing to do, or are done."""
    rest = task.request.chain or []
    while rest and rest[-1]["task"] != following:  # Celery keeps the rest of a chain in reverse
        rest.pop()


def _executed(connect: Callable[[], Worker], leases: Leases, host: Host, dispatch: Dispatch) -> Ended:
    worker = connect()
    try:
        stretch = Stretch(worker, leases, dispatch, host)
    except ValueError:
        worker.store.counts.reject(Rejection.UNKNOWN_REPLICATION)
        return Ended(Rejection.UNKNOWN_REPLICATION)
    return stretch.run()
