"""The command `runner`: run it in the foreground."""

from __future__ import annotations

from config.catalog import CatalogError
from config.environment import SettingsError, load_settings
from workers.cli.errors import CommandFailed, ExitCode
from workers.metrics_server import PortTaken
from workers.runner.process import run_runner


def run() -> None:
    """Run until SIGINT or SIGTERM; mistakes of the environment or the documents end it before it claims a run."""
    try:
        run_runner(load_settings())
    except (CatalogError, SettingsError, PortTaken) as error:
        raise CommandFailed(str(error), ExitCode.MISTAKES) from error
