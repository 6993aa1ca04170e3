"""The command `validate`: check configuration documents without starting anything."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from config.catalog import Catalog, CatalogError, load_catalog
from config.settings import SettingsError, load_settings
from workers.cli.errors import CommandFailed, ExitCode
from workers.cli.output import print_line, stdout_console


def validate(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[PATH]...", help="Documents or directories; default: CONNECTOR_CONFIG_DIR."),
    ] = None,
) -> None:
    """Check platform and landing zone documents: every mistake in one run, and nothing is started or sent."""
    try:
        catalog = load_catalog(paths or [load_settings().config_dir])
    except (CatalogError, SettingsError) as error:
        raise CommandFailed(str(error), ExitCode.MISTAKES) from error
    _show(catalog)


def _show(catalog: Catalog) -> None:
    console = stdout_console()
    for note in catalog.notes:
        print_line(console, f"note: {note}")
    platforms, zones = sorted(catalog.platforms), sorted(catalog.landing_zones)
    print_line(console, f"platforms: {', '.join(platforms) or 'none'}")
    print_line(console, f"landing zones: {', '.join(zones) or 'none'}")
    print_line(console, "everything is right")
