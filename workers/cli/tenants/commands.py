"""The face of the commands about tenants: name, arguments, options, help. The rest is imported when it runs."""

# ruff: noqa: PLC0415  # so that --help and a wrong option answer at once: pydantic, rich and httpx2 take their time

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from workers.cli.errors import CommandFailed, ExitCode
from workers.cli.options import Access, Json, OnlyPlatform, TenantArgument, Wait, calls_api

OrdersFile = Annotated[Path, typer.Argument(metavar="FILE", help="YAML file with tenants; - reads stdin.")]
Watch = Annotated[
    bool, typer.Option("--watch", help="Refresh continuously; for one tenant, until it finishes. Ctrl-C ends it.")
]
WatchId = Annotated[
    str | None, typer.Option("--watch", metavar="ID", help="Start nothing; show a rollout that was started earlier.")
]
First = Annotated[
    str | None, typer.Option("--from", metavar="STEP", help="Start with this step and skip earlier ones.")
]


@calls_api
def apply(api: Access, file: OrdersFile, wait: Wait = True, as_json: Json = False) -> ExitCode:
    """Order the tenants in a file and show their progress.

    If the file has a mistake, nothing is sent.
    """
    from workers.cli.tenants.accepted import Telling
    from workers.cli.tenants.replicate import apply

    return apply(file, api, Telling(wait, as_json))


@calls_api
def plan(
    api: Access,
    what: Annotated[str, typer.Argument(metavar="TENANT|FILE", help="A tenant, or a YAML file with tenants; - stdin.")],
    as_json: Json = False,
) -> int:
    """Show what would change, without changing anything.

    Exit code 0: nothing would change; 2: something would; 3: a step would fail.
    """
    from workers.cli.tenants.plan import show_plans

    return show_plans(what, api, as_json=as_json)


@calls_api
def status(
    api: Access,
    tenant: Annotated[str | None, typer.Argument(metavar="TENANT", help="One tenant; default: all of them.")] = None,
    watch: Watch = False,
    as_json: Json = False,
    state: Annotated[
        str | None, typer.Option("--state", metavar="STATE", help="Only tenants in this state, e.g. FAILED.")
    ] = None,
    workspace: Annotated[
        str | None, typer.Option("--workspace", metavar="WORKSPACE", help="Only tenants of this workspace.")
    ] = None,
) -> ExitCode:
    """Show what needs a person, and every tenant.

    Or the steps of one. With --json and --watch each change is one line.
    """
    from workers.cli.tenants.status import Wanted, show_status

    return show_status(Wanted(tenant, state, workspace), api, watch=watch, as_json=as_json)


@calls_api
def retry(
    api: Access,
    tenant: Annotated[str | None, typer.Argument(metavar="TENANT", help="Or --failed.")] = None,
    failed: Annotated[bool, typer.Option("--failed", help="Every tenant that is FAILED.")] = False,
    platform: OnlyPlatform = None,
    first: First = None,
    wait: Wait = True,
    as_json: Json = False,
) -> ExitCode:
    """Replicate a tenant again, as it was last ordered.

    A step that waits for its next attempt is tried at once.
    """
    from workers.cli.tenants.accepted import Telling
    from workers.cli.tenants.replicate import Chosen, retry

    return retry(Chosen(tenant, failed, platform), api, Telling(wait, as_json), first=first)


@calls_api
def cancel(
    api: Access,
    what: Annotated[str, typer.Argument(metavar="TENANT|REPLICATION", help="A tenant, or the id of a replication.")],
    as_json: Json = False,
) -> None:
    """Cancel a replication, after its current AWS call.

    The account stays as it is.
    """
    from workers.cli.tenants.replicate import cancel

    cancel(what, api, as_json=as_json)


def _up_to_200(text: str | int) -> int:
    number = int(text) if str(text).isdecimal() else 0
    if 1 <= number <= 200:
        return number
    raise CommandFailed(f"--most {text!r} is not a number from 1 to 200", ExitCode.USAGE)


@calls_api
def why(api: Access, tenant: TenantArgument, as_json: Json = False) -> None:
    """Explain a tenant's state, and what you can do."""
    from workers.cli.tenants.why import show_why

    show_why(tenant, api, as_json=as_json)


@calls_api
def logs(
    api: Access,
    tenant: TenantArgument,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Continue until Ctrl-C.")] = False,
    as_json: Json = False,
) -> None:
    """Show what happened to a tenant, one line per event.

    With --json each event is one line.
    """
    from workers.cli.tenants.logs import show_logs

    show_logs(tenant, api, follow=follow, as_json=as_json)


@calls_api
def history(
    api: Access,
    tenant: TenantArgument,
    most: Annotated[
        int, typer.Option("--most", metavar="NUMBER", parser=_up_to_200, help="How many at most: 1 to 200.")
    ] = 50,
    as_json: Json = False,
) -> None:
    """List the replications of a tenant, the newest first."""
    from workers.cli.tenants.history import show_history

    show_history(tenant, api, most=most, as_json=as_json)


@calls_api
def delete(
    api: Access,
    tenant: TenantArgument,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
    wait: Wait = False,
    as_json: Json = False,
) -> ExitCode:
    """Delete a tenant, starting with all access to it.

    Once the deletion is approved, the groups are deleted, and the account is closed if the landing zone says so. Some
    landing zones approve deletions by themselves.
    """
    from workers.cli.tenants.accepted import Telling
    from workers.cli.tenants.deletion import delete

    return delete(tenant, api, Telling(wait, as_json), sure=yes)


@calls_api
def approve(api: Access, tenant: TenantArgument, wait: Wait = True, as_json: Json = False) -> ExitCode:
    """Approve the deletion of a tenant; this cannot be undone."""
    from workers.cli.tenants.accepted import Telling
    from workers.cli.tenants.deletion import approve

    return approve(tenant, api, Telling(wait, as_json))


@calls_api
def decline(api: Access, tenant: TenantArgument, wait: Wait = True, as_json: Json = False) -> ExitCode:
    """Decline the deletion of a tenant and give access back."""
    from workers.cli.tenants.accepted import Telling
    from workers.cli.tenants.deletion import decline

    return decline(tenant, api, Telling(wait, as_json))


@calls_api
def rollout(
    api: Access,
    landing_zone: Annotated[
        str | None, typer.Argument(metavar="LANDING_ZONE", help="The landing zone that was changed; or use --watch.")
    ] = None,
    platform: Annotated[
        str | None, typer.Option("--platform", metavar="PLATFORM", help="Only tenants of this <platform>.<location>.")
    ] = None,
    watch: WatchId = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Show progress until all have finished.")] = True,
    as_json: Json = False,
) -> ExitCode:
    """Replicate every tenant of a landing zone that was changed.

    The rollout continues after this command has ended. With --json each change is one line.
    """
    from workers.cli.tenants.rollout import Wanted, show_rollout

    return show_rollout(Wanted(landing_zone, platform, watch), api, wait=wait, as_json=as_json)


COMMANDS = (apply, plan, status, why, logs, retry, cancel, history, rollout, delete, approve, decline)
