"""Where services keep what readers see late: dictionaries that remember what was there before each write."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Iterator, Mapping, MutableMapping, ValuesView
from typing import Any, TypeVar

from workers.sandbox.aws.visibility import History, Key, Reader, Value, Visibility
from workers.sandbox.aws.visibility_rules import Kind

State = TypeVar("State")


class Shelf(MutableMapping[Key, Value]):
    """Things of one kind by their keys. A thing is replaced, never changed: `change` and `rewrite` do that."""

    def __init__(self, kind: Kind) -> None:
        self.history: History[Key, Value] = History(kind)
        self._items: dict[Key, Value] = {}

    def put(self, key: Key, value: Value, *, at: float | None = None, listed_from: float = 0.0) -> None:
        """Write a thing at these seconds (None: now); lists show it from `listed_from` on at the earliest."""
        self.history.note(key, self._items.get(key), at=at, listed_from=listed_from)
        self._items[key] = value

    def take(self, key: Key, *, at: float | None = None) -> None:
        """Take a thing away, if it is there, at these seconds (None: now)."""
        if key in self._items:
            self.history.note(key, self._items.pop(key), at=at)

    def change(self, key: Key, **members: Any) -> None:
        """Write a thing with other members."""
        self[key] = dataclasses.replace(self._items[key], **members)  # type: ignore[type-var]  # shelves of dataclasses

    def rewrite(self, key: Key) -> Value:
        """Put a copy in the place of a thing, and answer it: for what is too large to be written at once."""
        self[key] = copy.copy(self._items[key])
        return self._items[key]

    def seen_by(self, reader: Reader) -> Shelf[Key, Value]:
        """Give what the reader sees: the shelf itself if it misses nothing."""
        items = self.history.seen_by(reader, self._items)
        if items is self._items:
            return self
        seen: Shelf[Key, Value] = Shelf(self.history.kind)
        seen._items = dict(items)
        return seen

    def values(self) -> ValuesView[Value]:
        """Give all things; quicker than what it replaces."""
        return self._items.values()

    def __getitem__(self, key: Key) -> Value:
        return self._items[key]

    def __setitem__(self, key: Key, value: Value) -> None:
        self.put(key, value)

    def __delitem__(self, key: Key) -> None:
        self.history.note(key, self._items.pop(key))

    def __iter__(self) -> Iterator[Key]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)


def join(state: Any, visibility: Visibility) -> None:
    """Let readers see late, from now on, what is written to a service's state."""
    for part in vars(state).values():
        history = part.history if isinstance(part, Shelf) else part
        if isinstance(history, History):
            history.join(visibility)


def as_seen(state: State, reader: Reader) -> State:
    """Give a service's state as a reader sees it: the state itself if it misses nothing."""
    shelves = _shelves(state)
    seen = {name: shelf.seen_by(reader) for name, shelf in shelves.items()}
    if all(seen[name] is shelf for name, shelf in shelves.items()):
        return state
    found = copy.copy(state)
    vars(found).update(seen)
    return found


def _shelves(state: Any) -> Mapping[str, Shelf[Any, Any]]:
    return {name: value for name, value in vars(state).items() if isinstance(value, Shelf)}
