"""Portions of many people: Identity Center takes 20 calls a second from everybody together, so nobody takes all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

PORTION = 40  # calls of one kind in one execution: two seconds of Identity Center


@dataclass
class Portion:
    """How many calls of one kind are left to one execution, and what must wait for the next one."""

    left: int = PORTION
    rest: set[str] = field(default_factory=set)

    def takes(self, *people: str) -> bool:
        """Count a call for these people, or keep them for the next execution."""
        if self.left:
            self.left -= 1
            return True
        self.rest.update(people)
        return False


def parts(people: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    """Cut a list into parts of at most `size`.

    >>> list(parts("abcde", 2))
    ['ab', 'cd', 'e']
    """
    return (people[start : start + size] for start in range(0, len(people), size))
