"""The face of the runner's commands: name, arguments, options, help. The rest is imported when it runs."""

# ruff: noqa: PLC0415  # so that --help and a wrong option answer at once: pydantic, redis and cryptography take their time

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from workers.cli.errors import CommandFailed, ExitCode
from workers.cli.options import Json


def runner(context: typer.Context) -> None:
    """Run the runner, which serves meshStack's runs.

    In the foreground. Which meshStack and which runner is told by CONNECTOR_MESHSTACK_URL,
    CONNECTOR_MESHSTACK_CLIENT_ID, CONNECTOR_MESHSTACK_CLIENT_SECRET and CONNECTOR_RUNNER_UUID.
    """
    if context.invoked_subcommand is None:
        from workers.cli.runner.run import run

        run()


def keygen(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help="Where to; default: CONNECTOR_RUNNER_PRIVATE_KEY_FILE."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Make the key for encrypted inputs, and print its public half.

    Never overwrites a file: without the old key, nobody can read what meshStack has encrypted for it.
    """
    from workers.cli.runner.keygen import make_key

    make_key(file, as_json=as_json)


def register(
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="Name of the new runner.")] = "AWS Connector",
    issuer: Annotated[
        str | None, typer.Option("--issuer", metavar="URL", help="Issuer of this runner's workload identity.")
    ] = None,
    subject: Annotated[
        str | None, typer.Option("--subject", metavar="TEXT", help="Subject of that identity; with --issuer.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Give meshStack the public key of this runner.

    Without CONNECTOR_RUNNER_UUID a runner is created, and its UUID printed. With --issuer and --subject meshStack also
    tells authors of building blocks whom AWS has to trust.
    """
    from workers.cli.runner.register import Identity, register

    if (issuer is None) != (subject is None):
        raise CommandFailed("--issuer and --subject are given together", ExitCode.USAGE)
    register(name, None if issuer is None or subject is None else Identity(issuer, subject), as_json=as_json)


def status(as_json: Json = False) -> None:
    """Show the runs in flight and who works on them.

    Also shows whether meshStack has this runner's key.
    """
    from workers.cli.runner.status import show_status

    show_status(as_json=as_json)


COMMANDS = (keygen, register, status)
