"""What the engine sees of the Celery worker that runs it: whether a thread is free, and Flower, who may listen."""

from __future__ import annotations

from collections.abc import Callable
from time import time
from typing import Any

import structlog
from celery.worker import state

from tasks.engine.execution import Ended
from tasks.state.outcome import Dispatch

log = structlog.get_logger(__name__)


class Host:
    """The Celery worker of this process, once it has begun."""

    worker: Any = None  # Celery has no types

    def is_full(self) -> bool:
        """Whether every thread is busy, so that what waits in the queue waits for one of them."""
        return self.worker is None or len(state.active_requests) >= self.worker.concurrency

    def show(self, dispatch: Dispatch, run: Callable[[], Ended]) -> Ended:
        """Run a step in another step's task, and let Flower see it as the task that it would have been."""
        dispatcher = getattr(getattr(self.worker, "consumer", None), "event_dispatcher", None)
        if dispatcher is None or not dispatcher.enabled:
            return run()
        uuid, began = dispatch.task_id(dispatch.step), time()
        arguments = repr((dispatch.tenant, dispatch.replication, dispatch.number))
        name = dispatch.chain.task(dispatch.step)
        _send(dispatcher, "task-received", uuid=uuid, name=name, args=arguments, kwargs="{}", retries=0, eta=None)
        _send(dispatcher, "task-started", uuid=uuid)
        ended = run()
        if ended.failure is None:
            _send(dispatcher, "task-succeeded", uuid=uuid, result=repr(ended.note), runtime=time() - began)
        else:
            _send(dispatcher, "task-failed", uuid=uuid, exception=repr(ended.failure), traceback="")
        return ended


def _send(dispatcher: Any, kind: str, **fields: Any) -> None:
    try:
        dispatcher.send(kind, **fields)
    except Exception as error:  # noqa: BLE001 (whatever a broker that is away raises, through Celery and kombu)
        log.debug("Flower does not see a step", error=str(error))
