"""The typer application, and how each way of failing ends the process."""

from __future__ import annotations

import sys

import typer

from workers.cli import commands
from workers.cli.errors import CommandFailed, ExitCode, complain

EXIT_CODES = (
    "Exit codes: 0 done; 1 a mistake in a file, an order or the environment; 2 plan found changes; "
    "3 a replication ended FAILED or CANCELLED, or plan found that one would; "
    "4 the API or Redis cannot be reached or refused; 64 wrong usage; 130 Ctrl-C."
)


def application() -> typer.Typer:
    """Put the commands together."""
    made = typer.Typer(
        name="aws-connector",
        help="Turns the tenants people order in meshStack into configured AWS accounts.",
        epilog=EXIT_CODES,
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    for command in commands.ALL:
        made.command(epilog=EXIT_CODES)(command)
    return made


def run() -> None:
    """Run a command; what it could not do is one message on stderr and a code."""
    try:
        sys.exit(application()(prog_name="aws-connector", standalone_mode=False))
    except typer.TyperException as error:
        error.show()  # type: ignore[attr-defined]  # typer declares it in a private class only
        sys.exit(ExitCode.USAGE)
    except CommandFailed as error:
        complain(error.message)
        sys.exit(error.code)
