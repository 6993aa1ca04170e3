"""The commands `apply`, `retry` and `cancel`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tasks.model.replication import ENDED, Replication
from workers.cli.connection import connect, reasons
from workers.cli.errors import ExitCode, complain
from workers.cli.names import parse_tenant
from workers.cli.options import Access
from workers.cli.orders import Order, orders_of
from workers.cli.output import print_json, print_line, stdout_console
from workers.cli.tenants.accepted import Telling, tell
from workers.client import ApiProblem, ConnectorClient

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
        sent = _send(client, orders)
        code = ExitCode.MISTAKES if sent.refused else ExitCode.DONE
        return max(code, tell(client, sent.accepted, telling, refused=sent.refused))


def retry(tenant: str, access: Access, telling: Telling, *, first: str | None = None) -> ExitCode:
    """Replicate a tenant again with the desired state that is stored; `first` names the step to begin with."""
    name = parse_tenant(tenant)
    with connect(access) as client:
        accepted = client.replicate(name, first)
        return tell(client, {accepted.tenant: accepted.replication_id}, telling)


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


def _send(client: ConnectorClient, orders: Sequence[Order]) -> Sent:
    """Send every order; what the API refuses is said and does not stop the others."""
    sent = Sent()
    for order in orders:
        try:
            sent.accepted[str(order.tenant)] = client.put_tenant(order.tenant, order.desired).replication_id
        except ApiProblem as problem:
            if problem.status not in REFUSALS:
                _say_what_was_sent(sent)
                raise
            complain(f"{order.tenant} was refused:\n{reasons(problem)}")
            refusal = {"tenant": str(order.tenant), "detail": problem.detail, "errors": problem.errors}
            sent.refused.append(refusal)
    return sent


def _say_what_was_sent(sent: Sent) -> None:
    if sent.accepted:
        complain(f"{len(sent.accepted)} orders were accepted before: {', '.join(sent.accepted)}")
