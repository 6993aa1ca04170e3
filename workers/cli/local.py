"""What this machine's environment describes, for commands that read it as a worker does and need no API."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from config.catalog import CatalogError
from config.environment import SettingsError
from config.log import register_secrets
from tasks.connector import Connector
from workers.cli.errors import CommandFailed, ExitCode

Kind = TypeVar("Kind", bound=Connector)


def local(own: Callable[[], Kind]) -> Kind:
    """Return the connector or worker that the environment describes, its secrets masked. Raises CommandFailed."""
    try:
        made = own()
    except (CatalogError, SettingsError) as error:
        raise CommandFailed(str(error), ExitCode.MISTAKES) from error
    register_secrets(made.secrets)
    return made
