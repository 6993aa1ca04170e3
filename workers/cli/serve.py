"""Commands that start processes: api, sandbox, demo. What they run is imported only when they run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from config.catalog import CatalogError
from config.settings import SettingsError, load_settings
from workers.cli.errors import CommandFailed, ExitCode


def api() -> None:
    """Run the API in the foreground, as the environment says."""
    from workers.api.serve import serve

    try:
        serve(load_settings())
    except (CatalogError, SettingsError) as error:
        raise CommandFailed(str(error), ExitCode.MISTAKES) from error


def sandbox(
    env_file: Annotated[
        Path | None, typer.Option("--env-file", help="Also write the environment to this file (honcho reads .env).")
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option("--option", metavar="NAME=VALUE", help="How the simulated AWS behaves, e.g. creation_seconds=20."),
    ] = None,
) -> None:
    """Run the sandbox alone (Redis-protocol server and AWS simulator) and print the environment to export."""
    from workers.sandbox_command import run_sandbox

    run_sandbox(env_file, option or [])


def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Stay after the demo, with Flower, until Ctrl-C.")] = False,
    tenants: Annotated[Path | None, typer.Option("--tenants", help="Order these instead of the 12 examples.")] = None,
) -> None:
    """Start everything on this machine, order 12 example tenants, show what became of them, and end without a trace."""
    from workers.demo import run_demo

    raise typer.Exit(run_demo(keep=keep, tenants=tenants))
