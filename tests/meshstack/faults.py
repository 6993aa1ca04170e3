"""Faults of the fake meshStack, drawn by a seed."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Protocol

BEFORE = ("401", "429", "500", "503", "html", "page", "404 page", "drop")


@dataclass(frozen=True)
class Chosen:
    """One fault: before the request is handled, or of its answer."""

    name: str
    before: bool = True


class Fault(Protocol):
    """Chooses what goes wrong with a request."""

    def choose(self, kind: str) -> Chosen | None:
        """Choose a fault for a login, claim, register, update or read; None: nothing goes wrong."""


@dataclass
class NoFaults:
    """Nothing ever goes wrong."""

    def choose(self, kind: str) -> Chosen | None:
        return None


@dataclass
class Seeded:
    """Faults by chance: `rate` of all requests, and `lost` of all answers."""

    seed: int
    rate: float = 0.05
    lost: float = 0.03
    names: tuple[str, ...] = BEFORE
    seen: Counter[str] = field(default_factory=Counter)
    _lock: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def choose(self, kind: str) -> Chosen | None:
        with self._lock:
            drawn = self._random.random()
            if drawn < self.rate:
                chosen = Chosen(self._random.choice(self.names))
            elif drawn < self.rate + self.lost:
                chosen = Chosen("lost", before=False)
            else:
                return None
            self.seen[f"{kind} {chosen.name}"] += 1
            return chosen


@dataclass
class Scripted:
    """The faults of a test, each once and in their order, by the kind of request."""

    script: Mapping[str, list[str]]
    _lock: Lock = field(default_factory=Lock)

    def choose(self, kind: str) -> Chosen | None:
        with self._lock:
            waiting = self.script.get(kind)
            if not waiting:
                return None
            name = waiting.pop(0)
        if name == "fine":
            return None
        return Chosen(name, before=name != "lost")
