"""The command `api`: run the API in the foreground."""

from __future__ import annotations

from uvicorn.config import STARTUP_FAILURE

from config.catalog import CatalogError
from config.environment import SettingsError, load_settings
from workers.api.serve import serve
from workers.cli.errors import CommandFailed, ExitCode


def run_api() -> None:
    """Serve until SIGINT or SIGTERM; mistakes of the environment or the documents end it before it listens."""
    try:
        settings = load_settings()
        serve(settings)
    except (CatalogError, SettingsError) as error:
        raise CommandFailed(str(error), ExitCode.MISTAKES) from error
    except SystemExit as ended:
        if ended.code != STARTUP_FAILURE:
            raise
        place = f"{settings.api_host}:{settings.api_port}"
        message = f"the API cannot listen on {place}: set CONNECTOR_API_HOST and CONNECTOR_API_PORT to a free address"
        raise CommandFailed(message, ExitCode.MISTAKES) from ended
