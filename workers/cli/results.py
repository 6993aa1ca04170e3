"""Say how replications ended: a table for all, a few lines for each that did not succeed."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console

from tasks.model.replication import Replication, State
from workers.cli.errors import ExitCode, complain
from workers.cli.output import show, state_text, table
from workers.cli.progress import Followed, seconds_taken


def show_results(console: Console, ended: Iterable[Followed], accounts: dict[str, str]) -> None:
    """Print the table of results.

    accounts   tenant -> account id, where there is one
    """
    rows = [
        (each.tenant, accounts.get(each.tenant, "-"), state_text(each.state), _seconds(each.known)) for each in ended
    ]
    show(console, table(("tenant", "account", "state", "seconds"), rows))


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
    return "\n".join([f"{each.tenant}: the replication FAILED", *_reasons(each.known)])


def _reasons(replication: Replication) -> list[str]:
    failed = [(step.name, step.last_error) for step in replication.steps if step.state is State.FAILED]
    if not any(error for _, error in failed):
        failed = [("replication", replication.last_error)]
    return [
        f"{name}: {error.code}: {error.message} (AWS request id {error.request_id or 'none'}). {error.remedy}"
        for name, error in failed
        if error is not None
    ]


def _seconds(replication: Replication | None) -> str:
    taken = seconds_taken(replication) if replication else None
    return "-" if taken is None else f"{taken:.1f}"
