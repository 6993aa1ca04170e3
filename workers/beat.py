"""Beat without a file: what was sent when stands in Redis, where several beats share it and none can damage it.

Each tick is taken in Redis before it is sent, so that of several beats one sends it. A beat that is killed between the
two loses that one tick: the next one does the same. celery-redbeat would do it too, but is made for schedules that
change while beat runs, and its second beat waits for a lock that a killed one leaves behind for minutes.
"""

from __future__ import annotations

from typing import Any

import structlog
from celery import Celery
from celery.beat import Scheduler
from redis import RedisError

from config.environment import load_settings
from tasks.connector import make_store

RETRY_SECONDS = 5.0  # until Redis is asked again after it was away
log = structlog.get_logger(__name__)


class RedisScheduler(Scheduler):  # type: ignore[misc]  # Celery has no types
    """Sends what is due by Redis."""

    def __init__(self, app: Celery, **options: Any) -> None:
        self._store = make_store(load_settings())
        super().__init__(app, **options)

    def setup_schedule(self) -> None:
        """Take over what the configuration says, and nothing of Celery's own: there are no results to clean up."""
        self.update_from_dict(self.app.conf.beat_schedule)

    def tick(self) -> float:
        """Send what is due and nobody else has sent; answers for how many seconds nothing else is."""
        try:
            due, rest = self._store.ticks.take({name: each.schedule.run_every for name, each in self.schedule.items()})
        except RedisError as error:
            log.warning("Redis cannot be asked what is due", error=type(error).__name__)
            return RETRY_SECONDS
        for name in due:
            self.apply_entry(self.schedule[name], producer=self.producer)
        return min(rest.total_seconds(), float(self.max_interval))
