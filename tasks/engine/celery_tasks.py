"""The Celery face of a step: one task per step, named `replication.<step>`, which carries ids only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from celery import Celery, Task

from tasks.chain import CHAINS
from tasks.connector import Connector
from tasks.engine.execution import Ended, Performance
from tasks.engine.lease import Leases
from tasks.errors import PermanentError
from tasks.model.desired import TenantId
from tasks.state.store import UNKNOWN
from tasks.step import Chain


def register(app: Celery, connect: Callable[[], Connector], leases: Leases) -> None:
    """Make one Celery task of each step; the connector is made when the first task runs."""
    for chain in CHAINS.values():
        for step in chain.steps:
            step.function  # noqa: B018 (a step that cannot be imported stops the worker now, not an order later)
        for index in range(len(chain.steps)):
            _register_step(app, chain, index, connect, leases)


def _register_step(app: Celery, chain: Chain, index: int, connect: Callable[[], Connector], leases: Leases) -> None:
    @app.task(name=chain.task(index), bind=True, throws=(PermanentError,))  # type: ignore[untyped-decorator]  # Celery has no types
    def run_step(task: Task, tenant: str, replication: str, dispatch: int) -> str:
        ended = _perform(connect(), leases, Message(tenant, replication, dispatch), chain, index)
        if not ended.goes_on:
            task.request.chain = None
        if ended.failure is not None:
            raise ended.failure
        return ended.note


@dataclass(frozen=True)
class Message:
    """What a task is given."""

    tenant: str
    replication: str
    dispatch: int


def _perform(connector: Connector, leases: Leases, message: Message, chain: Chain, index: int) -> Ended:
    try:
        tenant = TenantId.parse(message.tenant)
    except ValueError:
        connector.store.reject(UNKNOWN)
        return Ended(UNKNOWN)
    return Performance(connector, leases, tenant, message.replication, chain, index).run(message.dispatch)
