"""States that change by themselves: planned with their times, read against the clock."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, TypeVar

Value = TypeVar("Value")


@dataclass
class Timeline(Generic[Value]):
    """Values in the order of the seconds from which they hold; the future may stand in it already."""

    entries: list[tuple[float, Value]] = field(default_factory=list)

    def __copy__(self) -> Timeline[Value]:
        return Timeline(list(self.entries))

    def add(self, at: float, value: Value) -> None:
        """Let the value hold from these seconds on, until what is planned for later; the newest of one time wins."""
        position = sum(1 for since, _ in self.entries if since <= at)
        self.entries.insert(position, (at, value))

    def at(self, now: float) -> Value | None:
        """Answer the value that holds now, None before the first one."""
        current = None
        for since, value in self.entries:
            if since <= now:
                current = value
        return current

    def until(self, now: float) -> list[tuple[float, Value]]:
        """Answer what has happened up to now, oldest first."""
        return [entry for entry in self.entries if entry[0] <= now]

    def forget_future(self, now: float) -> None:
        """Drop what was planned and has not happened yet."""
        self.entries = self.until(now)
