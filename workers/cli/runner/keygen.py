"""The command `runner keygen`: draw the key pair for encrypted inputs."""

from __future__ import annotations

import os
from pathlib import Path

from tasks.meshstack.sealed import PrivateKey
from workers.cli.errors import CommandFailed, ExitCode
from workers.cli.output import print_json
from workers.cli.runner.meshstack import own_settings


def make_key(file: Path | None, *, as_json: bool) -> None:
    """Write the private key to a new file that only we may read, and print the public key. Raises CommandFailed."""
    target = file or own_settings().runner_private_key_file
    if target is None:
        raise CommandFailed("where to? Name a FILE or set CONNECTOR_RUNNER_PRIVATE_KEY_FILE", ExitCode.USAGE)
    if target.exists():
        raise CommandFailed(f"{target} already exists; nothing was changed", ExitCode.MISTAKES)
    key = PrivateKey.new()
    try:
        with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as written:
            written.write(key.pem())
    except OSError as error:
        raise CommandFailed(f"{target} cannot be written: {error.strerror}", ExitCode.MISTAKES) from error
    if as_json:
        print_json({"file": str(target), "publicKey": key.public_pem()})
    else:
        print(key.public_pem(), end="")
