"""The commands `apply`, `retry` and `cancel`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from tasks.model.replication import ENDED, Replication, State
from workers.api.schemas import AcceptedView
from workers.cli.connection import connect, reasons
from workers.cli.errors import CommandFailed, ExitCode, complain
from workers.cli.names import parse_tenant
from workers.cli.options import Access
from workers.cli.orders import orders_of
from workers.cli.output import print_json, print_line, stdout_console
from workers.cli.tenants.accepted import Telling, tell
from workers.client import ApiProblem

T = TypeVar("T")
REFUSALS = (400, 409, 422)  # of one order; anything else concerns all of them


@dataclass
class Sent:
    """What became of the orders of a file."""

    accepted: dict[str, str] = field(default_factory=dict)  # tenant -> replication
    refused: list[dict[str, Any]] = field(default_factory=list)


def apply(file: Path, access: Access, telling: Telling) -> ExitCode:
    """Send the orders of a file and show their progress. Nothing is sent when the file holds a mistake."""
    orders = orders_of(file)
    with connect(access) as client:
        sent = _sent(
            orders, lambda order: str(order.tenant), lambda order: client.put_tenant(order.tenant, order.desired)
        )
        code = ExitCode.MISTAKES if sent.refused else ExitCode.DONE
        return max(code, tell(client, sent.accepted, telling, refused=sent.refused))


@dataclass(frozen=True)
class Chosen:
    """Which tenants to replicate again: one, or all that are FAILED, of one platform or of all."""

    tenant: str | None
    failed: bool
    platform: str | None

    def __post_init__(self) -> None:
        if (self.tenant is None) != self.failed or (self.platform and not self.failed):
            message = "name a TENANT, or use --failed for every tenant that is FAILED, and --platform only with it"
            raise CommandFailed(message, ExitCode.USAGE)


def retry(chosen: Chosen, access: Access, telling: Telling, *, first: str | None = None) -> ExitCode:
    """Replicate again with the desired state that is stored; `first` names the step to begin with."""
    name = parse_tenant(chosen.tenant) if chosen.tenant is not None else None
    with connect(access) as client:
        if name is not None:
            accepted = client.replicate(name, first)
            return tell(client, {accepted.tenant: accepted.replication_id}, telling)
        rows = list(client.tenants(status=State.FAILED, platform=chosen.platform))
        if not rows and not telling.as_json:
            print_line(stdout_console(), "no tenant is FAILED")
            return ExitCode.DONE
        sent = _sent(rows, lambda row: row.tenant, lambda row: client.replicate(row.tenant, first))
        code = ExitCode.MISTAKES if sent.refused else ExitCode.DONE
        return max(code, tell(client, sent.accepted, telling, refused=sent.refused))


def cancel(what: str, access: Access, *, as_json: bool) -> None:
    """Cancel a replication, named by its id or by its tenant."""
    tenant = parse_tenant(what) if "." in what else None
    with connect(access) as client:
        replication = client.cancel(client.tenant(tenant).replication_id if tenant else what)
    if as_json:
        print_json(replication)
    else:
        print_line(stdout_console(), _cancelled(replication))


def _cancelled(replication: Replication) -> str:
    end = f"is {replication.state.value}" if replication.state in ENDED else "ends after its current AWS call"
    return f"{replication.tenant}: replication {replication.id} {end}"


def _sent(what: Iterable[T], name: Callable[[T], str], send: Callable[[T], AcceptedView]) -> Sent:
    """Send every request; what the API refuses is said and does not stop the others."""
    sent = Sent()
    for each in what:
        try:
            sent.accepted[name(each)] = send(each).replication_id
        except ApiProblem as problem:
            if problem.status not in REFUSALS:
                _say_what_was_sent(sent)
                raise
            complain(f"{name(each)} was refused:\n{reasons(problem)}")
            sent.refused.append({"tenant": name(each), "detail": problem.detail, "errors": problem.errors})
    return sent


def _say_what_was_sent(sent: Sent) -> None:
    if sent.accepted:
        complain(f"{len(sent.accepted)} orders were accepted before: {', '.join(sent.accepted)}")
