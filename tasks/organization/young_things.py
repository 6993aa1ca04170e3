"""What was made in an organization a moment ago, shared by all workers: see `tasks/aws/visibility.py`."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from redis import RedisError

from tasks.state.store import Store

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class SharedYoungThings:
    """The young things of one organization, as `tasks.aws.visibility.YoungThings`."""

    store: Store
    organization: str  # its management account's id
    grace: timedelta
    now: Callable[[], datetime]

    def note(self, names: Collection[str]) -> None:
        """Note that these were made now."""
        self._told(lambda: self.store.young_things.note(self.organization, names, self.now()))

    def forget(self, names: Collection[str]) -> None:
        """Note that these are gone."""
        self._told(lambda: self.store.young_things.forget(self.organization, names))

    def bury(self, name: str) -> None:
        """Note that this was deleted now."""
        self._told(lambda: self.store.young_things.bury(self.organization, name, self.now()))

    def any_of(self, names: Collection[str]) -> bool:
        """Tell whether one of these was made less than the grace ago; raises redis.RedisError."""
        return bool(names) and self.store.young_things.any_of(self.organization, names, self.now() - self.grace)

    def is_gone(self, name: str) -> bool:
        """Tell whether this was deleted less than the grace ago; raises redis.RedisError."""
        return self.store.young_things.is_gone(self.organization, name, self.now() - self.grace)

    def _told(self, tell: Callable[[], None]) -> None:
        """Tell the others what would be good to know; it may not spoil AWS's answer."""
        try:
            tell()
        except RedisError as error:
            log.warning("the other workers do not know what was just made", error=str(error))
