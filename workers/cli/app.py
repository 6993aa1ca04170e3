"""The typer application, and how each way of failing ends the process."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Iterable
from functools import cache
from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.main import get_command

from workers.cli.costs import commands as costs
from workers.cli.errors import PROGRAM, CommandFailed, ExitCode, complain
from workers.cli.installation import commands as installation
from workers.cli.operations import commands as operations
from workers.cli.options import Given, Token, TokenFile, Url
from workers.cli.runner import commands as runner
from workers.cli.tenants import commands as tenants

EXIT_CODES = (
    "Exit codes: 0 done; 1 a mistake in a file, an order or the environment; 2 plan found changes; "
    "3 a replication ended FAILED or CANCELLED, or plan found that one would; "
    "4 the API or Redis cannot be reached or refused; 64 wrong usage; 130 Ctrl-C."
)


def application() -> typer.Typer:
    """Put the commands together."""
    made = typer.Typer(
        name=PROGRAM,
        context_settings={"help_option_names": ["-h", "--help"]},
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    made.callback(invoke_without_command=True, epilog=EXIT_CODES)(every_command)
    for command in (*tenants.COMMANDS, *operations.COMMANDS, *installation.COMMANDS):
        made.command(epilog=EXIT_CODES)(command)
    made.add_typer(
        _group("runner", runner.COMMANDS, text="Process meshStack's runs, and show them.", alone=runner.runner)
    )
    made.add_typer(_group("metering", costs.COMMANDS, text="Read costs from AWS, and show them."))
    return made


@cache
def command() -> Callable[..., Any]:
    """Return what runs a command line; how all commands are called is read once in a process."""
    return get_command(application())


def _group(
    name: str,
    commands: Iterable[Callable[..., object]],
    *,
    text: str | None = None,
    alone: Callable[..., object] | None = None,
) -> typer.Typer:
    """Put the commands of one subject under a name of their own; `alone` is what the name does without any of them."""
    made = typer.Typer(name=name, help=text, no_args_is_help=alone is None, rich_markup_mode=None)
    if alone is not None:
        made.callback(invoke_without_command=True, epilog=EXIT_CODES)(alone)
    for command in commands:
        made.command(epilog=EXIT_CODES)(command)
    return made


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(version(installation.DISTRIBUTION))
        raise typer.Exit


def every_command(
    context: typer.Context,
    url: Url = None,
    token: Token = None,
    token_file: TokenFile = None,
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Turn the tenants that people order in meshStack into configured AWS accounts."""
    context.obj = Given(url, token, token_file)
    if context.invoked_subcommand is None:
        typer.echo(context.get_help(), err=True)
        raise typer.Exit(ExitCode.USAGE)


def run() -> None:
    """Run a command; what it could not do is one message on stderr and a code."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # both are text streams of ours
    try:
        code = command()(prog_name=PROGRAM, standalone_mode=False)
        sys.stdout.flush()
        sys.exit(code)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        _forget_output()
        complain(f"the output cannot be written: {error.strerror}")
        sys.exit(ExitCode.MISTAKES)
    except typer.TyperException as error:
        complain(_sentence(error))
        sys.exit(ExitCode.USAGE)
    except CommandFailed as error:
        complain(error.message)
        sys.exit(error.code)


def _forget_output() -> None:
    """Let what could not be written go nowhere; Python would try once more at its end, and complain by itself."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _sentence(error: typer.TyperException) -> str:
    """Say what is wrong with the arguments, and where to read what is right."""
    message = error.format_message()
    context = getattr(error, "ctx", None)  # typer declares it in a private class only
    command = context.command_path if context else PROGRAM
    return f"{message}{'' if message.endswith(('.', '?')) else '.'} See {command} --help"
