"""The command `api`: run the API in the foreground."""

from __future__ import annotations

from config.catalog import CatalogError
from config.settings import SettingsError, load_settings
from workers.api.serve import serve
from workers.cli.errors import CommandFailed, ExitCode


def run_api() -> None:
    """Serve until SIGINT or SIGTERM; mistakes of the environment or the documents end it before it listens."""
    try:
        serve(load_settings())
    except (CatalogError, SettingsError) as error:
        raise CommandFailed(str(error), ExitCode.MISTAKES) from error
