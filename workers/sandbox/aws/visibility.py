"""What readers see of a world that shows its own writes late, as AWS does.

Writes act on what is true, and conflicts are answered by it. Whoever reads is answered by an endpoint that may not have
seen the last writes: until the time that was drawn for a write, everything looks as it did before. Who names a thing
that the endpoint has not seen is refused as if it were not there. How late is drawn from `seed`, for each kind of thing
by itself; rules of the control API (`visibility_rules.py`) decide it in place of chance.
Source: Organizations API reference, CreateAccount; IAM user guide, "Changes that I make are not always immediately
visible"; CloudFormation API reference, "strongly consistent reads".
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from workers.sandbox.aws.options import SimulatorOptions
from workers.sandbox.aws.visibility_rules import Kind, Rules

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")

LATE_HEADER = "x-sandbox-late"
"""Header of a request, in seconds: what it writes is seen so much later; what it reads is as it was so long ago."""
LOOK_UPS = ("ListParents", "ListTagsForResource")
"""Named like lists, but about one thing."""
CONSISTENT = ("DescribeStackSet", "DescribeStackSetOperation", "ListStackSets")
"""Operations of which AWS says that they always see the newest data. Rules hide from them all the same."""


@dataclass(frozen=True)
class Reader:
    """Who reads, and when."""

    now: float
    lists: bool = False  # many things, not one that is named
    consistent: bool = False
    newest: float = math.inf  # the number of the last write that it can know of


@dataclass(frozen=True)
class Change(Generic[Value]):
    """One write of one thing: what was there before, and from when who sees it. Times in seconds since the epoch."""

    before: Value | None  # None: nothing
    number: int
    seen: float  # by who names the thing
    listed: float  # in lists
    ordered: bool  # by a rule, not by chance

    def is_missed_by(self, reader: Reader) -> bool:
        """Say whether the reader does not see the write yet."""
        if self.number > reader.newest:
            return True
        if reader.consistent and not self.ordered:
            return False
        return reader.now < (self.listed if reader.lists else self.seen)


class History(Generic[Key, Value]):
    """The last writes of all things of one kind. It notes nothing before it has joined a world."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self._visibility: Visibility | None = None
        self._changes: dict[Key, list[Change[Value]]] = {}

    def join(self, visibility: Visibility) -> None:
        """Belong to a world from now on."""
        self._visibility = visibility
        visibility.histories.append(self)

    def note(self, key: Key, before: Value | None, *, at: float | None = None, listed_from: float = 0.0) -> None:
        """Remember what was there before a write at these seconds (None: now)."""
        if self._visibility is None:
            return
        number, seen, listed, ordered = self._visibility.draw(self.kind, name_of(key), at)
        change = Change(before, number, seen, max(listed, listed_from), ordered)
        self._forget()
        if self._visibility.is_late(change):
            self._changes.setdefault(key, []).append(change)

    def seen_by(self, reader: Reader, truth: Mapping[Key, Value]) -> Mapping[Key, Value]:
        """Give what the reader sees in place of the truth: the truth itself if it misses nothing."""
        hidden = self._visibility.rules.hidden(self.kind, reader.now) if self._visibility is not None else set()
        differing: dict[Key, Value | None] = dict(self._missed_by(reader))
        differing |= {key: None for key in truth if hidden and name_of(key) in hidden}
        if not differing:
            return truth
        seen = {**truth, **differing}
        return {key: value for key, value in seen.items() if value is not None}

    def show(self) -> Iterator[dict[str, Any]]:
        """Show the writes that not everybody sees; a time is null when it comes with the end of a rule."""
        self._forget()
        for key, changes in self._changes.items():
            for change in changes:
                seen, listed = (None if math.isinf(each) else each for each in (change.seen, change.listed))
                yield {"kind": self.kind, "id": name_of(key), "seen": seen, "listed": listed}

    def clear(self) -> None:
        """Let everybody see everything."""
        self._changes.clear()

    def _missed_by(self, reader: Reader) -> Iterator[tuple[Key, Value | None]]:
        self._forget()
        for key, changes in self._changes.items():
            first = next((change for change in changes if change.is_missed_by(reader)), None)
            if first is not None:
                yield key, first.before

    def _forget(self) -> None:
        if self._visibility is not None and self._changes:
            late = {key: [*filter(self._visibility.is_late, changes)] for key, changes in self._changes.items()}
            self._changes = {key: changes for key, changes in late.items() if changes}


@dataclass
class Visibility:
    """How late the writes of one world are seen."""

    options: Callable[[], SimulatorOptions]
    now: Callable[[], float]
    rules: Rules = field(default_factory=Rules)
    histories: list[History[Any, Any]] = field(default_factory=list)
    last_number: int = 0
    _operation: str = ""
    _at_once: bool = False
    late: float | None = None  # by how many seconds what is written now is seen later; None: by rules or chance
    _dice: dict[Kind | None, random.Random] = field(default_factory=dict)  # None: of pages

    def reader(self, service: str, operation: str, behind: float = 0.0) -> Reader:
        """Describe who is answered by an operation, so many seconds behind the others."""
        lists = operation.startswith(("List", "Search")) and operation not in LOOK_UPS
        newest = self.rules.newest(service, operation, self.now())
        return Reader(self.now() - behind, lists, operation in CONSISTENT, newest)

    @contextmanager
    def writing(self, operation: str, *, at_once: bool = False, late: float | None = None) -> Iterator[None]:
        """Name the operation that writes; at once: only rules may let it be seen late; late: by so many seconds."""
        before = self._operation, self._at_once, self.late
        self._operation, self._at_once, self.late = operation, at_once, late
        try:
            yield
        finally:
            self._operation, self._at_once, self.late = before

    def draw(self, kind: Kind, name: str, at: float | None) -> tuple[int, float, float, bool]:
        """Decide on one change: its number, when it is seen and listed, and whether a rule said so."""
        self.last_number += 1
        written = self.now() if at is None else at
        delay = self.rules.delay_of(kind, name, self._operation) if self.late is None else self.late
        if delay is not None:
            return self.last_number, written + delay, written + delay, True
        lag = 0.0 if self._at_once else self.options().lag_of(kind)
        seen, listed = (written + self._dice_of(kind).uniform(0, lag) for _ in range(2)) if lag else (written, written)
        return self.last_number, seen, listed, False

    def is_late(self, change: Change[Any]) -> bool:
        """Say whether somebody may still miss the change."""
        now = self.now() - self.options().memory_seconds
        return now < change.seen or now < change.listed or change.number > self.rules.oldest_stale(self.now())

    def page_size(self, asked: int) -> int:
        """Shorten a page as AWS does now and then, down to nothing."""
        dice = self._dice_of(None)
        return dice.choice((0, dice.randrange(asked))) if dice.random() < self.options().short_pages else asked

    def reseed(self) -> None:
        """Begin again with the seed of the options."""
        self._dice.clear()

    def show(self) -> dict[str, Any]:
        """Show the seed, the rules in force and the writes that not everybody sees."""
        late = [change for history in self.histories for change in history.show()]
        return {"seed": self.options().seed, "rules": list(self.rules.show()), "late": late}

    def show_everything(self) -> None:
        """Take all rules back and let everybody see everything that has been written."""
        self.rules.given.clear()
        for history in self.histories:
            history.clear()

    def _dice_of(self, kind: Kind | None) -> random.Random:
        if kind not in self._dice:
            self._dice[kind] = random.Random(f"{self.options().seed}/{kind}")  # noqa: S311  # no secret: repeatable
        return self._dice[kind]


def name_of(key: Hashable) -> str:
    """Name a thing in rules: the parts of its key with / between them."""
    return "/".join(map(str, key)) if isinstance(key, tuple) else str(key)
