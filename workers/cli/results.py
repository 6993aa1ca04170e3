"""Say how replications ended: a table for all, a few lines for each that did not succeed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rich.console import Console
from rich.text import Text

from tasks.model.replication import Held, LastError, State
from workers.api.schemas import TenantView
from workers.cli.errors import ExitCode, complain
from workers.cli.output import STYLES, show, state_text, table
from workers.cli.progress import Followed, seconds_taken
from workers.standing import HELD, sentence

COLUMNS = ("tenant", "account", "state", "seconds")


def show_results(console: Console, ended: Iterable[Followed], views: Mapping[str, TenantView]) -> None:
    """Print the table of results; `views` are the tenants as they stand now."""
    show(console, table(COLUMNS, [_row(each, views[each.tenant]) for each in ended]))


def complain_about_failures(ended: Iterable[Followed]) -> ExitCode:
    """Say on stderr why replications did not succeed; answers the exit code."""
    code = ExitCode.DONE
    for each in ended:
        if each.state is not State.SUCCEEDED:
            complain(failure(each))
            code = ExitCode.FAILED
    return code


def failure(each: Followed) -> str:
    """Name every failed step with AWS's code, message, request id and the remedy."""
    if each.known is None or each.state is not State.FAILED:
        return f"{each.tenant}: the replication ended {each.state.value}"
    reasons = (f"{step}: {sentence(error)}" for step, error in failed_steps(each))
    return "\n".join([f"{each.tenant}: the replication FAILED", *reasons])


def failed_steps(each: Followed) -> list[tuple[str, LastError]]:
    """List the steps that failed, with why; `replication` stands for what failed outside of a step."""
    if each.known is None or each.state is not State.FAILED:
        return []
    found = [(step.name, step.last_error) for step in each.known.steps if step.state is State.FAILED]
    if not any(error for _, error in found):
        found = [("replication", each.known.last_error)]
    return [(step, error) for step, error in found if error is not None]


def seconds(each: Followed) -> float | None:
    """Tell the time from the order to the end, in seconds; None: it has not ended."""
    return seconds_taken(each.known) if each.known else None


def shown_state(state: State, held: Held | None = None, *, deleted: bool = False) -> Text:
    """Show a state, or in the page's words what holds the tenant up.

    Of a tenant that is deleted it says so, for SUCCEEDED would say that it is there.
    """
    if held in (Held.PARKED, Held.APPROVAL):
        return Text(HELD[held], style=STYLES[State.WAITING])
    shown = Text("DELETED", style="dim") if deleted and state is State.SUCCEEDED else state_text(state)
    return shown if held is None else shown + Text(f", {HELD[held]}", style=STYLES[State.WAITING])


def _row(each: Followed, view: TenantView) -> tuple[str | Text, ...]:
    taken = seconds(each)
    state = shown_state(each.state, deleted=view.deleted_at is not None)
    return each.tenant, view.account_id or "-", state, "-" if taken is None else f"{taken:.1f}"
