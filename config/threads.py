"""What a worker's threads are for: what only asks, and what beat sends, has some beside those of replications.

A call that AWS does not answer holds a thread until its time-out, whoever made it. So none of these takes the thread of
a replication.
"""

from __future__ import annotations

from dataclasses import dataclass

TICKS = 4  # of beat's tasks three call AWS, and messages to people must not wait for them


@dataclass(frozen=True)
class Threads:
    """How many of a worker's threads each kind of work may have."""

    room: int  # replications
    kept: int  # replications that may have access to take away
    pulls: int  # of orders from meshStack: they bring who has to go
    ticks: int  # what else beat sends
    questions: int

    @classmethod
    def of(cls, told: int) -> Threads:
        """Give replications as many as a worker is told, and the others theirs besides.

        >>> [Threads.of(told) for told in (1, 8)]
        [Threads(room=2, kept=1, pulls=1, ticks=4, questions=2), Threads(room=8, kept=1, pulls=1, ticks=4, questions=8)]
        """
        room = max(told, 2)  # so that each of two platforms has one
        return cls(room, kept=max(1, room // 8), pulls=1, ticks=TICKS, questions=room)

    @property
    def all(self) -> int:
        """How many that are."""
        return self.room + self.kept + self.pulls + self.ticks + self.questions
