"""A measured number, and the page of all: what it is now, what it was in the last run, its goal, and what limits it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Figure:
    """One number."""

    name: str  # what it is; the same from run to run
    value: float
    unit: str  # "s", "MB"; "times" for a ratio
    limits: str = ""  # what holds it where it is
    most: float | None = None  # the goal, if it should be small
    least: float | None = None  # the goal, if it should be large
    date: str = ""  # when it was measured

    @property
    def goal(self) -> str:
        """Say the goal, if there is one.

        >>> Figure("waiting", 5, "KiB", most=8).goal
        '≤ 8 KiB'
        """
        if self.most is not None:
            return f"≤ {shown(self.most, self.unit)}"
        return "" if self.least is None else f"≥ {shown(self.least, self.unit)}"

    @property
    def missed(self) -> bool:
        """Tell whether it misses its goal."""
        return (self.most is not None and self.value > self.most) or (
            self.least is not None and self.value < self.least
        )


def shown(value: float, unit: str) -> str:
    """Write a number with three digits that mean something.

    >>> shown(1.1666, "times"), shown(704.2, "commands"), shown(0.009, "of a core"), shown(24000, "s")
    ('1.17 times', '704 commands', '0.9 % of a core', '24000 s')
    """
    if unit.startswith("of "):
        return f"{value:.1%} {unit}".replace("%", " %")
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    text = f"{value:.{digits}f}"
    return f"{text.rstrip('0').rstrip('.') if '.' in text else text} {unit}"


@dataclass(frozen=True)
class Results:
    """The figures of all runs: of each the newest one, and the one before it."""

    figures: dict[str, Figure]
    before: dict[str, float]

    @classmethod
    def read(cls, path: Path) -> Results:
        """Read what the runs before this one have measured; nothing is there before the first one."""
        if not path.exists():
            return cls({}, {})
        stored = json.loads(path.read_text())
        return cls({each["name"]: Figure(**each) for each in stored["figures"]}, stored["before"])

    def with_(self, new: Iterable[Figure]) -> Results:
        """Return them with newly measured figures.

        >>> old = Results({}, {}).with_([Figure("calls", 9, "calls", date="2026-11-01")])
        >>> new = old.with_([Figure("calls", 8, "calls", date="2026-11-02")])
        >>> new.figures["calls"].value, new.before
        (8, {'calls': 9})
        """
        figures = {each.name: each for each in new}
        before = {name: self.figures[name].value for name in figures if name in self.figures}
        return Results({**self.figures, **figures}, {**self.before, **before})

    def write(self, path: Path) -> None:
        """Keep them for the next run."""
        stored = {"figures": [asdict(each) for each in self.figures.values()], "before": self.before}
        path.write_text(json.dumps(stored, indent=1, ensure_ascii=False) + "\n")

    def table(self, names: Sequence[str]) -> list[str]:
        """Return the lines of a Markdown table of some of them."""
        rows = [self._row(self.figures[name]) for name in names if name in self.figures]
        return ["| what | measured | run before | goal | what limits it | on |", "|---|---|---|---|---|---|", *rows]

    def _row(self, each: Figure) -> str:
        before = shown(self.before[each.name], each.unit) if each.name in self.before else ""
        now = shown(each.value, each.unit)
        cells = (each.name, f"**{now}**" if each.missed else now, before, each.goal, each.limits, each.date)
        return f"|{'|'.join(f' {cell} ' if cell else ' ' for cell in cells)}|"
