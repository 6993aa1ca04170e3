"""AWS's limits shared by all workers: counting places, served in order of arrival, with wake-up.

A place belongs to the work that AWS does (an account being created, an assignment being made), not to a process: it is
kept while a killed worker's replication is continued elsewhere, under the same name, and never counted twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from tasks.errors import LaneFull
from tasks.store import Store

# A place that nobody gives back (its replication was cancelled and AWS still works) is free again after this.
# Longer than AWS takes for an account, an assignment or a StackSet operation in one account: all are minutes.
HOLD = timedelta(minutes=15)


@dataclass(frozen=True)
class ReplicationPlaces:
    """The places of one replication."""

    store: Store
    replication: str

    def enter(self, lane: str, place: str, limit: int) -> None:
        """Take `place` in `lane`, again is fine; raises LaneFull when others hold all or came earlier."""
        ahead = self.store.enter(lane, place, self.replication, limit, HOLD)
        if ahead >= 0:
            raise LaneFull(lane, ahead)

    def leave(self, lane: str, place: str) -> None:
        """Give the place back, again is fine, and wake who is next."""
        self.store.leave(lane, place, self.replication)
