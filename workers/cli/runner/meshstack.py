"""Our way to meshStack for a command, and what its refusals mean for a person."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from config.environment import SettingsError, load_settings
from config.log import register_secrets
from config.settings import Settings
from tasks.meshstack.access import api_key, connect
from tasks.meshstack.errors import Away, Refused, Unauthorised
from tasks.meshstack.objects import Objects
from workers.cli.errors import CommandFailed, ExitCode


def own_settings() -> Settings:
    """Read the environment. Raises CommandFailed."""
    try:
        return load_settings()
    except SettingsError as error:
        raise CommandFailed(str(error), ExitCode.MISTAKES) from error


@contextmanager
def meshstack_objects(settings: Settings) -> Iterator[Objects]:
    """Give meshStack's objects; whatever it refuses inside becomes CommandFailed."""
    try:
        key = api_key(settings)
        register_secrets((key.secret,))
        meshstack = connect(settings, key)
    except SettingsError as error:
        raise CommandFailed(str(error), ExitCode.MISTAKES) from error
    try:
        yield Objects(meshstack)
    except Away as away:
        message = f"meshStack at {settings.meshstack_url} cannot be reached: {away}"
        raise CommandFailed(message, ExitCode.UNREACHABLE) from away
    except Unauthorised as refused:
        message = "meshStack does not accept the API key (401): check CONNECTOR_MESHSTACK_CLIENT_ID and …_SECRET"
        raise CommandFailed(message, ExitCode.UNREACHABLE) from refused
    except Refused as refused:
        raise CommandFailed(_meaning(refused), ExitCode.UNREACHABLE) from refused
    finally:
        meshstack.close()


def _meaning(refused: Refused) -> str:
    match refused.status:
        case 403:
            return f"the API key may not do that ({refused}): give it the permissions of docs/meshstack.md"
        case 404:
            return "meshStack does not know this runner: create it there, or register without CONNECTOR_RUNNER_UUID"
        case _:
            return f"meshStack refused: {refused}"
