"""What this machine's environment describes, for commands that read it as a worker does and need no API."""

from __future__ import annotations

from config.catalog import CatalogError
from config.log import register_secrets
from config.settings import SettingsError
from tasks.connector import Connector, own_connector
from workers.cli.errors import CommandFailed, ExitCode


def local_connector() -> Connector:
    """Return the connector that the environment describes, its secrets masked. Raises CommandFailed."""
    try:
        connector = own_connector()
    except (CatalogError, SettingsError) as error:
        raise CommandFailed(str(error), ExitCode.MISTAKES) from error
    register_secrets(connector.secrets)
    return connector
