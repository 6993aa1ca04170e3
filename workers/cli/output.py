"""Write what was asked for: tables and lines for people, plain when stdout is no terminal; JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel
from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from config.printable import printable
from tasks.model.replication import State

PLAIN_WIDTH = 10_000  # columns: no line of a file or a pipe is ever broken
WRAPPED = frozenset({"note", "text", "reason", "paused", "calls", "first error"})  # columns that may take several lines
NUMBERS = frozenset({"stacks", "groups", "assignments", "seconds", "attempts", "tries"})

STYLES: dict[State, str] = {
    State.QUEUED: "dim",
    State.RUNNING: "cyan",
    State.WAITING: "yellow",
    State.SUCCEEDED: "green",
    State.FAILED: "bold red",
    State.CANCELLED: "magenta",
}

Cell = str | Text


def stdout_console() -> Console:
    """Make the console for what was asked for."""
    if is_live():
        return Console(highlight=False, soft_wrap=False)
    return _plain(stderr=False)


def stderr_console() -> Console:
    """Make the console for what is told beside it: progress, while stdout is for a program."""
    return _plain(stderr=True)


def _plain(*, stderr: bool) -> Console:
    return Console(stderr=stderr, highlight=False, width=PLAIN_WIDTH, force_terminal=False, color_system=None)


def is_live() -> bool:
    """Tell whether stdout is a terminal on which lines can be written again."""
    return sys.stdout.isatty() and not Console().is_dumb_terminal


def print_json(document: Any) -> None:
    """Print one JSON document."""
    _print_json(document, indent=2)


def print_json_line(document: Any) -> None:
    """Print a JSON document on one line, at once: somebody may read while we wait."""
    _print_json(document, indent=None)


def _print_json(document: Any, indent: int | None) -> None:
    readable = (sys.stdout.encoding or "").lower().startswith("utf")
    print(json.dumps(document, indent=indent, ensure_ascii=not readable, default=_jsonable), flush=True)


def _jsonable(model: object) -> Any:
    """Write a document of ours as the API does."""
    if not isinstance(model, BaseModel):
        raise TypeError(f"{type(model).__name__} has no place in JSON")
    return model.model_dump(mode="json", by_alias=True)


def table(columns: Sequence[str], rows: Iterable[Sequence[Cell]], *, least: Sequence[str] = ()) -> RenderableType:
    """Make a table; every cell is shown as it is, without markup or control characters.

    least   columns that a narrow terminal does without, the first one first
    """
    cells = [[cell if isinstance(cell, Text) else Text(flat(cell)) for cell in row] for row in rows]
    return FittingTable(columns, cells, least) if is_live() else lined(columns, cells, box=None)


class FittingTable:
    """A table for a terminal: without columns that are empty, without the least ones where it is narrow.

    Where even that is too wide, each row is a block of lines. A name, an id or a state is never broken.
    """

    def __init__(self, columns: Sequence[str], rows: Sequence[Sequence[Text]], least: Sequence[str]) -> None:
        self.columns = {name: [row[number] for row in rows] for number, name in enumerate(columns)}
        self.least = least

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Choose what fits."""
        used = {name: cells for name, cells in self.columns.items() if any(cells)}
        left_out: list[str] = []
        for name in ("", *self.least):
            if used.pop(name, None):
                left_out.append(name)
            made = _unbroken(used)
            if Measurement.get(console, options.update(width=PLAIN_WIDTH), made).minimum <= options.max_width:
                yield made
                if left_out:
                    yield Text(f"No room for: {', '.join(left_out)}.", style="dim")
                return
        yield from self._blocks()

    def _blocks(self) -> Iterator[RenderableType]:
        for row in zip(*self.columns.values(), strict=True):
            yield facts((name, cell) for name, cell in zip(self.columns, row, strict=True) if cell)
            yield ""


def _unbroken(columns: Mapping[str, Sequence[Text]]) -> Table:
    """Make a table that knows how wide its unbroken columns are at least."""
    made = lined(list(columns), zip(*columns.values(), strict=True), box=box.SIMPLE_HEAD)
    for name, column in zip(columns, made.columns, strict=True):
        if column.no_wrap:
            column.min_width = max(cell_len(name), *(cell.cell_len for cell in columns[name]))
    return made


def lined(columns: Sequence[str], rows: Iterable[Sequence[Text]], *, box: box.Box | None) -> Table:
    """Make a table of which only the columns of sentences may be broken into several lines."""
    made = Table(box=box, pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        made.add_column(column, justify="right" if column in NUMBERS else "left", no_wrap=column not in WRAPPED)
    for row in rows:
        made.add_row(*row)
    return made


def facts(named: Mapping[str, str] | Iterable[tuple[str, Cell]]) -> Table:
    """Make a table of names and values, without a heading."""
    made = Table.grid(padding=(0, 2, 0, 0))
    made.add_column(no_wrap=True)
    for name, value in named.items() if isinstance(named, Mapping) else named:
        made.add_row(Text(flat(name)), value if isinstance(value, Text) else Text(flat(value)))
    return made


def show(console: Console, shown: RenderableType) -> None:
    """Print a table; off a terminal without spaces at the ends of lines."""
    if is_live():
        console.print(shown)
        return
    with console.capture() as captured:
        console.print(shown)
    lines = (line.rstrip() for line in captured.get().splitlines())
    console.print(Text("\n".join(lines)), soft_wrap=True)


def state_text(state: State) -> Text:
    """Show a state in its color."""
    return Text(state.value, style=STYLES[state])


def shown_moment(moment: datetime) -> str:
    """Show a time to the minute, as tables and sentences for people do; JSON has all of it."""
    return f"{moment:%Y-%m-%d %H:%M %Z}"


def print_line(console: Console, text: str) -> None:
    """Print one line as it is."""
    console.print(Text(flat(text)), soft_wrap=True)


def flat(text: str) -> str:
    """Bring a text to one line without control characters."""
    return printable(" ".join(text.split()))
