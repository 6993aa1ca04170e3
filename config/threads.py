"""What a worker's threads are for: each kind of work has some that no other kind can take.

A call that AWS does not answer holds a thread until its time-out, whoever made it. So what only asks, and what beat
sends, runs beside the replications and never in their place.
"""

from __future__ import annotations

from dataclasses import dataclass

BEATS = 4  # three of beat's tasks call AWS, and the one that pulls orders from meshStack must not wait for them


@dataclass(frozen=True)
class Threads:
    """How many of a worker's threads each kind of work may have."""

    room: int  # replications
    kept: int  # replications that may have access to take away
    ticks: int  # what beat sends
    questions: int

    @classmethod
    def of(cls, told: int) -> Threads:
        """Give replications as many as a worker is told, and the others theirs besides.

        >>> [Threads.of(told) for told in (1, 8)]
        [Threads(room=2, kept=1, ticks=4, questions=2), Threads(room=8, kept=1, ticks=4, questions=4)]
        """
        room = max(told, 2)  # so that each of two platforms has one
        return cls(room, max(1, room // 8), BEATS, max(2, room // 2))

    @property
    def all(self) -> int:
        """How many that are."""
        return self.room + self.kept + self.ticks + self.questions
