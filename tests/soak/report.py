"""The soak's figures as text, and their section in docs/reliability.md."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

DOCUMENT = Path(__file__).parents[2] / "docs" / "reliability.md"
HEADING = "## Soak"
SHOWN = 20  # findings
ABOUT = """\
`make soak` sends orders over HTTP to the sandbox while everything fails: it kills workers, API, beat and Flower in turn
with `kill -9`, restarts and freezes Redis, and lets 5 % of AWS calls fail (500, 503, throttled, response lost,
connection reset). AWS's limits are on, and AWS shows its writes late. Every second, the test compares who has access to
which account with what was ordered by then. The time in which Redis is frozen does not count, because nobody can be
removed then.
"""
TITLE = "# Reliability\n\nWhat was tested with crashes, faults and load, and how you can measure it again.\n"


@dataclass(frozen=True)
class Figures:
    """Everything that was counted, in the order in which it is shown."""

    rows: Sequence[tuple[str, str]]
    findings: Sequence[str]  # sentences; none: all is right

    def text(self) -> str:
        """Return lines for people."""
        width = max(len(name) for name, _ in self.rows)
        lines = [f"  {name:<{width}}  {value}" for name, value in self.rows]
        wrong = [f"  WRONG: {finding}" for finding in self.findings[:SHOWN]]
        return "\n".join([*lines, *wrong, f"  {len(self.findings)} findings"])

    def section(self) -> str:
        """Return the section of the document."""
        rows = "\n".join(f"| {name} | {value} |" for name, value in self.rows)
        wrong = "".join(f"\n- {finding}" for finding in self.findings[:SHOWN])
        outcome = f"{len(self.findings)} findings:\n{wrong}" if wrong else "Nothing lost, nothing twice, nothing wrong."
        return (
            f"{HEADING}\n\n{ABOUT}\n"
            f"Measured {datetime.now(UTC):%Y-%m-%d} on {machine()}.\n\n"
            f"| figure | value |\n|---|---|\n{rows}\n\n{outcome}\n"
        )


def machine() -> str:
    """Describe where it was measured."""
    system = f"{platform.system()} {platform.machine()}"
    return f"{os.cpu_count()} cores, {system}, Python {platform.python_version()}"


def write(figures: Figures, document: Path = DOCUMENT) -> None:
    """Replace the section in the document, or append it; everything else stays."""
    text = document.read_text() if document.exists() else TITLE
    found = re.search(rf"^{HEADING}\n.*?(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    before, after = (text[: found.start()], text[found.end() :]) if found else (f"{text.rstrip()}\n\n", "")
    document.parent.mkdir(exist_ok=True)
    document.write_text(before + figures.section() + (f"\n{after}" if after else ""))
