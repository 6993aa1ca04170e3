"""Commands about tenants: apply, retry, cancel. They talk to the API and nothing else."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from tasks.model.desired import TenantId
from tasks.model.replication import ENDED
from workers.cli.connection import Access, connect, reasons
from workers.cli.errors import CommandFailed, ExitCode, complain
from workers.cli.orders import STDIN, Order, OrdersRefused, read_orders
from workers.cli.output import print_line, stdout_console
from workers.cli.progress import Followed, follow, make_view
from workers.cli.results import complain_about_failures, show_results
from workers.client import ApiProblem, ConnectorClient


def apply(file: Path, access: Access, *, wait: bool) -> ExitCode:
    """Send the orders of a file and show their progress. Nothing is sent when the file holds a mistake."""
    orders = _orders(STDIN if str(file) == "-" else file)
    with connect(access) as client:
        accepted, code = _send(client, orders)
        return max(code, _wait_or_say(client, accepted, wait=wait))


def retry(tenant: str, access: Access, *, wait: bool, first: str | None = None) -> ExitCode:
    """Replicate a tenant again with the desired state that is stored; `first` names the step to begin with."""
    name = parse_tenant(tenant)
    with connect(access) as client:
        accepted = client.replicate(name, first)
        return _wait_or_say(client, {accepted.tenant: accepted.replication_id}, wait=wait)


def delete(tenant: str, access: Access, *, wait: bool) -> ExitCode:
    """Ask to delete a tenant."""
    name = parse_tenant(tenant)
    with connect(access) as client:
        accepted = client.delete(name)
        return _wait_or_say(client, {accepted.tenant: accepted.replication_id}, wait=wait)


def approve(tenant: str, access: Access, *, wait: bool) -> ExitCode:
    """Approve the request to delete a tenant."""
    name = parse_tenant(tenant)
    with connect(access) as client:
        accepted = client.approve(name)
        return _wait_or_say(client, {accepted.tenant: accepted.replication_id}, wait=wait)


def decline(tenant: str, access: Access, *, wait: bool) -> ExitCode:
    """Decline the request to delete a tenant."""
    name = parse_tenant(tenant)
    with connect(access) as client:
        accepted = client.decline(name)
        return _wait_or_say(client, {accepted.tenant: accepted.replication_id}, wait=wait)


def cancel(what: str, access: Access) -> None:
    """Cancel a replication, named by its id or by its tenant."""
    tenant = parse_tenant(what) if "." in what else None
    with connect(access) as client:
        replication = client.cancel(client.tenant(tenant).replication_id if tenant else what)
    end = f"is {replication.state.value}" if replication.state in ENDED else "ends after the call that runs now"
    print_line(stdout_console(), f"{replication.tenant}: replication {replication.id} {end}")


def parse_tenant(text: str) -> TenantId:
    """Read a tenant's name from the command line; a wrong one is wrong usage."""
    try:
        return TenantId.parse(text)
    except ValueError as error:
        raise CommandFailed(str(error), ExitCode.USAGE) from error


def _wait_or_say(client: ConnectorClient, accepted: dict[str, str], *, wait: bool) -> ExitCode:
    """Show the progress and the results of replications (tenant -> id), or only name them; answers the exit code."""
    console = stdout_console()
    if wait and accepted:
        return _wait(client, accepted, console)
    for tenant, replication in accepted.items():
        print_line(console, f"{tenant}: accepted as replication {replication}")
    return ExitCode.DONE


def _wait(client: ConnectorClient, accepted: dict[str, str], console: Console) -> ExitCode:
    ended = follow(client, accepted, make_view(console))
    show_results(console, ended, _accounts(client, ended))
    return complain_about_failures(ended)


def _orders(file: Path) -> list[Order]:
    try:
        return read_orders(file)
    except OrdersRefused as error:
        raise CommandFailed(str(error), ExitCode.MISTAKES) from error


def _send(client: ConnectorClient, orders: list[Order]) -> tuple[dict[str, str], ExitCode]:
    """Send every order; what the API refuses is said and does not stop the others. Answers tenant -> replication."""
    accepted: dict[str, str] = {}
    code = ExitCode.DONE
    for order in orders:
        try:
            accepted[str(order.tenant)] = client.put_tenant(order.tenant, order.desired).replication_id
        except ApiProblem as problem:
            if problem.status not in (400, 409, 422):
                _say_what_was_sent(accepted)
                raise
            complain(f"{order.tenant} was refused:\n{reasons(problem)}")
            code = ExitCode.MISTAKES
    return accepted, code


def _say_what_was_sent(accepted: dict[str, str]) -> None:
    if accepted:
        complain(f"{len(accepted)} tenants were accepted before: {', '.join(accepted)}")


def _accounts(client: ConnectorClient, ended: list[Followed]) -> dict[str, str]:
    found = {each.tenant: client.tenant(each.tenant).account_id for each in ended}
    return {tenant: account for tenant, account in found.items() if account}
