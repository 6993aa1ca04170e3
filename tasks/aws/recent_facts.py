"""What this process has seen to be right a short while ago, so that many tenants of one place do not all ask AWS."""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime, timedelta
from threading import Lock

MOST_FACTS = 10_000  # some 100 bytes each


class Recent:
    """Facts, each with the time when it was last seen; safe for several threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._seen: OrderedDict[tuple[str, ...], datetime] = OrderedDict()

    def holds(self, fact: tuple[str, ...], now: datetime, within: timedelta) -> bool:
        """Tell whether the fact was seen within that time; a clock that went back counts as long ago."""
        with self._lock:
            seen = self._seen.get(fact)
        return seen is not None and timedelta() <= now - seen < within

    def note(self, fact: tuple[str, ...], now: datetime) -> None:
        """Remember that the fact was seen now."""
        with self._lock:
            self._seen[fact] = now
            self._seen.move_to_end(fact)
            while len(self._seen) > MOST_FACTS:
                self._seen.popitem(last=False)
