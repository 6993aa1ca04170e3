"""Commands about tenants: apply, status, retry, cancel. They talk to the API and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tasks.model import ENDED, TenantId
from workers.cli.connection import DEFAULT_URL, Token, TokenFile, Url, connect, reasons
from workers.cli.errors import CommandFailed, ExitCode, complain
from workers.cli.orders import STDIN, Order, OrdersRefused, read_orders
from workers.cli.output import print_line, stdout_console
from workers.cli.progress import Followed, follow, make_view
from workers.cli.results import complain_about_failures, show_results
from workers.client import ApiProblem, ConnectorClient

Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Show the progress until the replication has ended.")]
TenantArgument = Annotated[str, typer.Argument(help="<workspace>.<project>.<platform>.<location>")]


def apply(
    file: Annotated[Path, typer.Argument(help="YAML file with tenants; - reads stdin.")],
    wait: Wait = True,
    url: Url = DEFAULT_URL,
    token: Token = None,
    token_file: TokenFile = None,
) -> None:
    """Order the tenants of a file and show their progress. Nothing is sent when the file holds a mistake."""
    orders = _orders(STDIN if str(file) == "-" else file)
    with connect(url, token, token_file) as client:
        accepted, code = _send(client, orders)
        if not wait:
            for tenant, replication in accepted.items():
                print_line(stdout_console(), f"{tenant}: accepted as replication {replication}")
        elif accepted:
            code = max(code, wait_for(client, accepted))
    raise typer.Exit(code)


def retry(
    tenant: TenantArgument,
    wait: Wait = True,
    url: Url = DEFAULT_URL,
    token: Token = None,
    token_file: TokenFile = None,
) -> None:
    """Replicate a tenant again with the desired state that is stored; one that waits for its next try tries now."""
    name = parse_tenant(tenant)
    with connect(url, token, token_file) as client:
        accepted = client.replicate(name)
        if not wait:
            print_line(stdout_console(), f"{accepted.tenant}: accepted as replication {accepted.replication_id}")
            return
        raise typer.Exit(wait_for(client, {accepted.tenant: accepted.replication_id}))


def cancel(
    what: Annotated[str, typer.Argument(metavar="TENANT|REPLICATION", help="A tenant, or the id of a replication.")],
    url: Url = DEFAULT_URL,
    token: Token = None,
    token_file: TokenFile = None,
) -> None:
    """Cancel a replication: at once, or after the call to AWS that runs now. The account stays as it is."""
    tenant = parse_tenant(what) if "." in what else None
    with connect(url, token, token_file) as client:
        replication = client.cancel(client.tenant(tenant).replication_id if tenant else what)
    if replication.state in ENDED:
        line = f"{replication.tenant}: replication {replication.id} is {replication.state.value}"
    else:
        line = f"{replication.tenant}: replication {replication.id} ends after the call that runs now"
    print_line(stdout_console(), line)


def parse_tenant(text: str) -> TenantId:
    """Read a tenant's name from the command line; a wrong one is wrong usage."""
    try:
        return TenantId.parse(text)
    except ValueError as error:
        raise CommandFailed(str(error), ExitCode.USAGE) from error


def wait_for(client: ConnectorClient, accepted: dict[str, str]) -> ExitCode:
    """Show the progress (tenant -> replication), then the results; answers the exit code."""
    console = stdout_console()
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
