"""Follow replications until they end: one line per tenant with its current step.

On a terminal the lines are written again and again; elsewhere a line comes only when something has changed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol, Self

import httpx2
from rich import box
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from config.printable import short
from tasks.model.replication import ENDED, Replication, State, StepState
from workers.cli.output import flat, is_live, lined, print_line, state_text
from workers.client import ApiProblem, ConnectorClient

LOOK_SECONDS = 0.3  # between two rounds of questions; each round asks once for every replication that has not ended
PATIENCE_SECONDS = 30.0  # for which the API may be away, as while it is restarted, before we give up watching


@dataclass
class Followed:
    """One replication that we wait for, and what we know of it."""

    tenant: str
    replication_id: str
    known: Replication | None = None

    @property
    def state(self) -> State:
        """Tell where it stands, as far as we know."""
        return self.known.state if self.known else State.QUEUED

    @property
    def ended(self) -> bool:
        """Tell whether there is nothing left to wait for."""
        return self.state in ENDED

    @property
    def step(self) -> StepState | None:
        """Choose the step to show."""
        return current_step(self.known) if self.known else None


def current_step(replication: Replication) -> StepState | None:
    """Choose the step that tells most: the failed one of a failed replication, else the first that has not ended."""
    wanted = {State.FAILED} if replication.state is State.FAILED else set(State) - ENDED
    found = next((step for step in replication.steps if step.state in wanted), None)
    if found is None and replication.state is State.SUCCEEDED and replication.steps:
        return replication.steps[-1]
    return found


def seconds_taken(replication: Replication) -> float | None:
    """Tell the time from the order to the end, in seconds; None: it has not ended."""
    if replication.ended_at is None:
        return None
    return (replication.ended_at - replication.requested_at).total_seconds()


LONGEST_STATE = max(len(state) for state in State)
GAPS = 12  # characters between and around the columns of the live view
SHORTEST_NOTE = 12  # characters


class View(Protocol):
    """Shows the state of all, each time something may have changed."""

    def show(self, all_of_them: Iterable[Followed]) -> None:
        """Show all of them."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def follow(
    client: ConnectorClient,
    replications: Mapping[str, str],
    view: View,
    check: Callable[[], None] = lambda: None,
) -> list[Followed]:
    """Show the replications (tenant -> id) until all have ended; answers them in the order given.

    check   called once a round; what it raises ends the watching
    Raises ApiProblem or httpx2.TransportError when the API is away for longer than PATIENCE_SECONDS.
    """

    def ask(all_of_them: list[Followed]) -> list[Followed]:
        for each in all_of_them:
            if not each.ended:
                each.known = client.replication(each.replication_id)
        return all_of_them

    started = [Followed(tenant, replication) for tenant, replication in replications.items()]
    return watch(started, ask, view, check)


def watch(
    all_of_them: list[Followed],
    ask: Callable[[list[Followed]], list[Followed]],
    view: View,
    check: Callable[[], None] = lambda: None,
    every: float = LOOK_SECONDS,
) -> list[Followed]:
    """Show replications until all have ended; answers what is known of them then.

    ask     find out how they fare now
    every   seconds between two questions
    """
    answered = time.monotonic()
    with view:
        while not all(each.ended for each in all_of_them):
            check()
            try:
                all_of_them = ask(all_of_them)
                answered = time.monotonic()
            except (ApiProblem, httpx2.TransportError) as error:
                if not _may_pass(error) or time.monotonic() - answered > PATIENCE_SECONDS:
                    raise
            view.show(all_of_them)
            if not all(each.ended for each in all_of_them):
                time.sleep(every)
    return all_of_them


def _may_pass(error: Exception) -> bool:
    return not isinstance(error, ApiProblem) or error.status >= 500 or error.status == 429


def make_view(console: Console) -> View:
    """Choose the view that fits where the output goes."""
    return LiveView(console) if is_live() else LineView(console)


@dataclass
class LineView:
    """Prints a line for each tenant whose state, step or note has changed."""

    console: Console
    shown: dict[str, str] = field(default_factory=dict)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def show(self, all_of_them: Iterable[Followed]) -> None:
        """Print what has changed."""
        for each in all_of_them:
            step, note = _step_and_note(each)
            line = " ".join(part for part in (f"{each.tenant}:", each.state.value, step, note) if part)
            if self.shown.get(each.tenant) != line:
                self.shown[each.tenant] = line
                print_line(self.console, line)


class LiveView:
    """Keeps one line per tenant up to date on a terminal; those that still run come first when not all fit."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.live = Live(console=console, auto_refresh=False, transient=True)

    def __enter__(self) -> Self:
        self.live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.live.stop()

    def show(self, all_of_them: Iterable[Followed]) -> None:
        """Write the lines again."""
        self.live.update(self._table(list(all_of_them)), refresh=True)

    def _table(self, followed: list[Followed]) -> Table:
        room = max(self.console.height - 5, 3)
        chosen = followed if len(followed) <= room else sorted(followed, key=lambda each: each.ended)[:room]
        lines = [(each, *_step_and_note(each)) for each in chosen]
        taken = max(len(each.tenant) for each in chosen) + LONGEST_STATE + max(len(step) for _, step, _ in lines) + GAPS
        width = max(self.console.width - taken, SHORTEST_NOTE)
        rows = [
            (Text(flat(each.tenant)), state_text(each.state), Text(flat(step)), Text(_cut(note, width)))
            for each, step, note in lines
        ]
        made = lined(("tenant", "state", "step", "note"), rows, box=box.SIMPLE_HEAD)
        for column in made.columns:
            column.no_wrap, column.overflow = True, "ellipsis"
        ended = sum(each.ended for each in followed)
        made.caption = f"{ended} of {len(followed)} ended"
        made.caption_justify = "left"
        return made


def _cut(text: str, width: int) -> str:
    """Shorten a note in the middle when it ends in parentheses, "(3 ahead)", else at its end."""
    if len(text) <= width:
        return text
    head, bracket, tail = text.rpartition(" (")
    if not (bracket and text.endswith(")") and len(tail) + 4 < width):
        return f"{text[: width - 1]}…"
    ending = f"… ({tail}"
    return f"{head[: width - len(ending)]}{ending}"


def _step_and_note(each: Followed) -> tuple[str, str]:
    if each.step is None:
        return "", ""
    error = each.step.last_error
    note = f"{error.code}: {error.message}" if error else short(each.step.note or "")
    return each.step.name, flat(note)
