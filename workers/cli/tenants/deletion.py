"""The commands `delete`, `approve` and `decline`."""

from __future__ import annotations

import sys
from collections.abc import Callable

from config.printable import printable
from tasks.model.desired import TenantId
from workers.api.schemas import AcceptedView, TenantView
from workers.cli.connection import connect
from workers.cli.errors import CommandFailed, ExitCode
from workers.cli.names import parse_tenant
from workers.cli.options import Access
from workers.cli.tenants.accepted import Telling, tell
from workers.client import ConnectorClient


def delete(tenant: str, access: Access, telling: Telling, *, sure: bool) -> ExitCode:
    """Ask to delete a tenant, after a person has confirmed it; `sure` was confirmed on the command line."""
    name = parse_tenant(tenant)
    with connect(access) as client:
        if not sure:
            _confirm(client.tenant(name))
        return _decided(client, name, client.delete, "deletion accepted", telling)


def approve(tenant: str, access: Access, telling: Telling) -> ExitCode:
    """Approve the request to delete a tenant."""
    name = parse_tenant(tenant)
    with connect(access) as client:
        return _decided(client, name, client.approve, "approval accepted", telling)


def decline(tenant: str, access: Access, telling: Telling) -> ExitCode:
    """Decline the request to delete a tenant."""
    name = parse_tenant(tenant)
    with connect(access) as client:
        return _decided(client, name, client.decline, "refusal accepted", telling)


def _decided(
    client: ConnectorClient, name: TenantId, decide: Callable[[TenantId], AcceptedView], what: str, telling: Telling
) -> ExitCode:
    accepted = decide(name)
    return tell(client, {accepted.tenant: accepted.replication_id}, telling, what=what)


def _confirm(view: TenantView) -> None:
    """Ask on the terminal; raises CommandFailed unless the answer is yes."""
    if not sys.stdin.isatty():
        message = f"{view.tenant}: cannot ask for confirmation here; use --yes"
        raise CommandFailed(message, ExitCode.USAGE)
    account = f"AWS account {view.account_id}" if view.account_id else "its AWS account"
    question = (
        f"Deleting {printable(view.tenant)} removes all access at once.\n"
        f"After the approval (automatic in some landing zones), {printable(account)} may be closed.\n"
        "Delete it? [y/N] "
    )
    sys.stderr.write(question)
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise CommandFailed(f"{view.tenant} was not deleted", ExitCode.MISTAKES)
