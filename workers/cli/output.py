"""Write for people: tables and lines, plain when stdout is no terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence

from rich import box
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from config.mistakes import printable
from tasks.model.replication import State

PLAIN_WIDTH = 10_000  # columns: no line of a file or a pipe is ever broken

STYLES: dict[State, str] = {
    State.QUEUED: "dim",
    State.RUNNING: "cyan",
    State.WAITING: "yellow",
    State.SUCCEEDED: "green",
    State.FAILED: "bold red",
    State.CANCELLED: "magenta",
}


def stdout_console() -> Console:
    """Make the console for what was asked for."""
    if is_live():
        return Console(highlight=False, soft_wrap=False)
    return Console(highlight=False, width=PLAIN_WIDTH, force_terminal=False, color_system=None)


def is_live() -> bool:
    """Tell whether stdout is a terminal on which lines can be written again."""
    return sys.stdout.isatty() and not Console().is_dumb_terminal


def table(columns: Sequence[str], rows: Iterable[Sequence[str | Text]], *, live: bool | None = None) -> Table:
    """Make a table; every cell is shown as it is, without markup or control characters."""
    lively = is_live() if live is None else live
    made = Table(box=box.SIMPLE_HEAD if lively else None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        made.add_column(column, justify="right" if column in NUMBERS else "left", overflow="fold")
    for row in rows:
        made.add_row(*(cell if isinstance(cell, Text) else Text(flat(cell)) for cell in row))
    return made


def facts(named: Mapping[str, str] | Iterable[tuple[str, str]]) -> Table:
    """Make a table of names and values, without a heading."""
    made = Table.grid(padding=(0, 2, 0, 0))
    for name, value in named.items() if isinstance(named, Mapping) else named:
        made.add_row(Text(flat(name)), Text(flat(value)))
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


NUMBERS = frozenset({"stacks", "groups", "assignments", "seconds", "attempts"})


def state_text(state: State) -> Text:
    """Show a state in its colour."""
    return Text(state.value, style=STYLES[state])


def print_line(console: Console, text: str) -> None:
    """Print one line as it is."""
    console.print(Text(flat(text)), soft_wrap=True)


def flat(text: str) -> str:
    """Bring a text to one line without control characters."""
    return printable(" ".join(text.split()))
