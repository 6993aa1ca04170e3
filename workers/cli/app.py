"""The typer application: which commands there are, and how each way of failing ends the process."""

from __future__ import annotations

import sys
from importlib.metadata import version as installed_version

import typer

from workers.cli import serve, status, tenants, validate
from workers.cli.errors import CommandFailed, complain

EXIT_CODES = (
    "Exit codes: 0 done; 1 a mistake in a file, an order or the environment; 2 wrong usage; "
    "3 a replication ended FAILED or CANCELLED; 4 the API or Redis cannot be reached or refused; 130 Ctrl-C."
)

application = typer.Typer(
    name="aws-connector",
    help="Turns the tenants people order in meshStack into configured AWS accounts.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def version() -> None:
    """Print the version."""
    typer.echo(installed_version("meshstack-aws-connector"))


CLIENT, PROCESSES, OTHERS = "Tenants", "Processes", "Others"
for panel, commands in {
    CLIENT: (tenants.apply, status.status, tenants.retry, tenants.cancel),
    PROCESSES: (serve.api, serve.sandbox, serve.demo),
    OTHERS: (validate.validate, version),
}.items():
    for command in commands:
        application.command(epilog=EXIT_CODES, rich_help_panel=panel)(command)


def run() -> None:
    """Run a command; what it could not do is one message on stderr and a code."""
    try:
        application()
    except CommandFailed as error:
        complain(error.message)
        sys.exit(error.code)
