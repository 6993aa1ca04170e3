"""The face of the commands for operations: name, arguments, options, help. The rest is imported when it runs."""

# ruff: noqa: PLC0415  # so that --help and a wrong option answer at once: pydantic, rich and botocore take their time

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from workers.cli.errors import CommandFailed, ExitCode
from workers.cli.options import Access, Json, OnlyPlatform, calls_api


@calls_api
def pause(
    api: Access,
    name: Annotated[
        str | None, typer.Argument(metavar="TENANT|PLATFORM", help="What to pause; default: list what is paused.")
    ] = None,
    reason: Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="Why, for others to see.")] = None,
    as_json: Json = False,
) -> None:
    """Pause a tenant or a platform, or list what is paused.

    Nothing runs for it until it is resumed. New orders are queued; a step that is running ends first.
    """
    from workers.cli.operations.pauses import pause, show_pauses

    if name is not None:
        pause(name, reason, api, as_json=as_json)
    elif reason is not None:
        raise CommandFailed("--reason needs a TENANT or a PLATFORM to pause", ExitCode.USAGE)
    else:
        show_pauses(api, as_json=as_json)


@calls_api
def resume(
    api: Access,
    name: Annotated[str, typer.Argument(metavar="TENANT|PLATFORM", help="What was paused.")],
    as_json: Json = False,
) -> None:
    """Resume a paused tenant or platform.

    Replications continue where they stopped, with the newest order.
    """
    from workers.cli.operations.pauses import resume

    resume(name, api, as_json=as_json)


@calls_api
def drift(api: Access, platform: OnlyPlatform = None, as_json: Json = False) -> None:
    """Show tenants that differ from what was ordered.

    Includes those that differed when they were last checked and were repaired then.
    """
    from workers.cli.operations.drift import show_drift

    show_drift(platform, api, as_json=as_json)


@calls_api
def unmanaged(api: Access, platform: OnlyPlatform = None, as_json: Json = False) -> None:
    """List the accounts that belong to no tenant.

    They are listed once a day.
    """
    from workers.cli.operations.unmanaged import show_unmanaged

    show_unmanaged(platform, api, as_json=as_json)


@calls_api
def audit(
    api: Access,
    since: Annotated[
        str | None, typer.Option("--since", metavar="TIME", help="Only since then, e.g. 2026-01-31 (UTC).")
    ] = None,
    tenant: Annotated[str | None, typer.Option("--tenant", metavar="TENANT", help="Only this tenant's.")] = None,
    as_json: Json = False,
) -> None:
    """Show every write to AWS: who asked, what, how it ended.

    With --json each write is one line.
    """
    from workers.cli.operations.audit import show_audit

    show_audit(since, tenant, api, as_json=as_json)


def doctor(platform: OnlyPlatform = None, as_json: Json = False) -> ExitCode:
    """Check everything that replications need.

    Changes nothing. Looks into AWS and the connector's own environment, which it reads as a worker does. Exit code 1:
    there are errors.
    """
    from workers.cli.operations.doctor import show_health

    return show_health(platform, as_json=as_json)


def notifications(
    test: Annotated[bool, typer.Option("--test", help="Send a test message and show the receiver's answer.")] = False,
    as_json: Json = False,
) -> None:
    """Show undelivered notifications, or send a test message.

    Reads the environment as a worker does.
    """
    from workers.cli.operations.notifications import send_test, show_waiting

    (send_test if test else show_waiting)(as_json=as_json)


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to; default: - for stdout.")] = Path("-"),
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace FILE if it exists.")] = False,
    as_json: Json = False,
) -> None:
    """Back up what only Redis knows, as JSON lines.

    That is orders, account ids, deletion requests, pauses and records of replications. Reads CONNECTOR_REDIS_URL.
    With --json a report about FILE is printed.
    """
    from workers.cli.operations.backup import save

    save(file, overwrite=overwrite, as_json=as_json)


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A backup; - reads stdin.")],
    merge: Annotated[
        bool, typer.Option("--merge", help="Add what Redis lacks; what exists is left unchanged.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Restore a backup into an empty Redis.

    Every line is checked before anything is written. Writes to CONNECTOR_REDIS_URL.
    """
    from workers.cli.operations.backup import restore

    restore(file, merge=merge, as_json=as_json)


COMMANDS = (pause, resume, drift, unmanaged, audit, doctor, notifications, backup, restore)
