"""Options that many commands share, and how a command learns where the API is.

Only typer is imported here: `--help`, a wrong option and the shell's completion must answer at once.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Concatenate, TypeVar

import typer

from workers.cli.errors import CommandFailed, ExitCode

DEFAULT_URL = "http://127.0.0.1:8080"
ENV_FILE = Path(".env")

Url = Annotated[
    str | None,
    typer.Option("--url", metavar="URL", help=f"Address of the API; default: CONNECTOR_URL, else {DEFAULT_URL}."),
]
Token = Annotated[
    str | None, typer.Option("--token", metavar="TOKEN", help="Token of the API; default: CONNECTOR_TOKEN.")
]
TokenFile = Annotated[
    Path | None, typer.Option("--token-file", metavar="FILE", help="File that holds the token of the API.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Show progress until the replication has ended.")]
OnlyPlatform = Annotated[
    str | None, typer.Option("--platform", metavar="PLATFORM", help="Only this <platform>.<location>.")
]
TenantArgument = Annotated[str, typer.Argument(metavar="TENANT", help="<workspace>.<project>.<platform>.<location>")]

R = TypeVar("R")


@dataclass(frozen=True)
class Access:
    """Where the API listens, and the token or a file that holds it."""

    url: str
    token: str | None = field(repr=False)
    token_file: Path | None = None


@dataclass(frozen=True)
class Given:
    """What somebody wrote before or after the name of a command."""

    url: str | None
    token: str | None = field(repr=False)
    token_file: Path | None

    def __post_init__(self) -> None:
        if self.token is not None and self.token_file is not None:
            raise CommandFailed("--token and --token-file are both given: use one of them", ExitCode.USAGE)

    @property
    def has_token(self) -> bool:
        """Tell whether a token is named."""
        return self.token is not None or self.token_file is not None


def calls_api(command: Callable[Concatenate[Access, ...], R]) -> Callable[..., R]:
    """Give a command --url, --token and --token-file; its first argument is what they say, wherever they stand."""

    def run(
        context: typer.Context, url: Url = None, token: Token = None, token_file: TokenFile = None, **own: Any
    ) -> R:
        return command(_access(Given(url, token, token_file), context.obj), **own)

    context, *shared, _ = inspect.signature(run, eval_str=True).parameters.values()
    _, *own = inspect.signature(command, eval_str=True).parameters.values()
    signature = inspect.Signature([context, *own, *shared])
    run.__signature__ = signature  # type: ignore[attr-defined]  # typer makes the options of it
    run.__name__, run.__doc__ = command.__name__, command.__doc__
    return run


def _access(after: Given, before: Given) -> Access:
    """What stands after the command's name wins over what stands before it, and both over the environment."""
    environment = _environment()
    named = after if after.has_token else before
    return Access(
        url=after.url or before.url or environment.get("CONNECTOR_URL") or DEFAULT_URL,
        token=named.token if named.has_token else environment.get("CONNECTOR_TOKEN"),
        token_file=named.token_file,
    )


def _environment() -> Mapping[str, str]:
    """Return the environment over the `.env` file, as the settings do. Raises CommandFailed."""
    if not ENV_FILE.exists():
        return os.environ
    from config import environment  # noqa: PLC0415  # takes 0.1 s, and seldom needed

    try:
        environment.adopt_env_file()  # for the proxies
        return environment.process_environment()
    except environment.SettingsError as error:
        raise CommandFailed(str(error), ExitCode.MISTAKES) from error
