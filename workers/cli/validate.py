"""The command `validate`: check configuration documents without starting anything."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from config.catalog import CatalogError, load_catalog
from config.settings import SettingsError, load_settings
from workers.cli.errors import CommandFailed, ExitCode
from workers.cli.output import print_line, stdout_console


def check_documents(paths: Sequence[Path]) -> None:
    """Check documents and say what they hold; no paths: those of CONNECTOR_CONFIG_DIR. Raises CommandFailed."""
    try:
        some = bool(paths) and all(path.is_file() for path in paths)
        catalog = load_catalog(paths or [load_settings().config_dir], complete=not some)
    except (CatalogError, SettingsError) as error:
        raise CommandFailed(str(error), ExitCode.MISTAKES) from error
    console = stdout_console()
    for note in catalog.notes:
        print_line(console, f"note: {note}")
    print_line(console, f"platforms: {', '.join(sorted(catalog.platforms)) or 'none'}")
    print_line(console, f"landing zones: {', '.join(sorted(catalog.landing_zones)) or 'none'}")
    print_line(console, "everything is right")
