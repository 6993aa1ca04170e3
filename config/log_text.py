"""Log lines for people: time, level, tenant and step first, then what happened; in colors on a terminal.

10:04:12 warning  likvid.shop.aws.sandbox move_to_ou  parked: an operator must act  code=QuotaExceeded do=…
"""

from __future__ import annotations

from collections.abc import MutableMapping
from datetime import datetime
from typing import Any

from config.printable import printable

SHOWN = ("tenant", "step")  # before what happened, without their names
COLOURS = {"debug": "2", "warning": "33", "error": "31", "critical": "1;31"}  # ANSI; info has none
DIM, CYAN, RESET = "2", "36", "\x1b[0m"
BLOCKS = ("exception", "stack")  # lines of their own, below


class TextLines:
    """Writes one event as a line."""

    def __init__(self, *, on_terminal: bool, colored: bool) -> None:
        """Prepare.

        on_terminal   somebody watches: the local time of day is enough, else the whole time by UTC is written
        colored      with ANSI's colors
        """
        self._on_terminal = on_terminal
        self._colored = colored

    def __call__(self, _logger: Any, _name: str, event: MutableMapping[str, Any]) -> str:
        """Render."""
        blocks = [str(event.pop(name)) for name in BLOCKS if name in event]
        level, said = str(event.pop("level", "")), printable(str(event.pop("event", "")))
        time = self._paint(self._time(str(event.pop("timestamp", ""))), DIM)
        about = [self._paint(printable(str(event.pop(name))), CYAN) for name in SHOWN if event.get(name)]
        rest = " ".join(f"{name}={printable(str(value))}" for name, value in event.items() if value is not None)
        head = " ".join((time, self._paint(f"{level:<8}", COLOURS.get(level, ""))))
        parts = [head, *([" ".join(about)] if about else []), self._paint(said, COLOURS.get(level, ""))]
        return "\n".join([" ".join(parts) + (f"  {self._paint(rest, DIM)}" if rest else ""), *blocks])

    def _time(self, timestamp: str) -> str:
        if not self._on_terminal or not timestamp:
            return timestamp
        return f"{datetime.fromisoformat(timestamp).astimezone():%H:%M:%S}"

    def _paint(self, text: str, color: str) -> str:
        return f"\x1b[{color}m{text}{RESET}" if self._colored and color and text else text
