"""The `.env` file of a sandbox: written for its owner alone, whole or not at all, and removed when the sandbox ends."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from workers.cli.errors import CommandFailed, ExitCode

HEADING = "# Written by aws-connector sandbox (process {process}); removed when it ends."
WRITTEN = re.compile(re.escape(HEADING).replace(re.escape("{process}"), r"(\d+)"))


def check_free(file: Path) -> None:
    """Refuse a file of somebody else, or of a sandbox that still runs. Raises CommandFailed."""
    writer = _writer(file)
    if writer is None and file.exists():
        message = f"--env-file {file} exists and was not written by a sandbox: move it away or choose another name"
        raise CommandFailed(message, ExitCode.USAGE)
    if writer is not None and _runs(writer):
        message = f"--env-file {file} belongs to a sandbox that is running (process {writer}): choose another name"
        raise CommandFailed(message, ExitCode.USAGE)


def write(file: Path, environment: Mapping[str, str]) -> None:
    """Write the file all at once, so that nobody reads half of it. Raises CommandFailed."""
    heading = HEADING.format(process=os.getpid())
    lines = [heading, *(f"{name}={shlex.quote(value)}" for name, value in environment.items())]
    partial = file.with_name(f"{file.name}.{os.getpid()}")
    try:
        partial.touch(mode=0o600)
        partial.write_text("\n".join(lines) + "\n", encoding="utf-8")
        partial.replace(file)
    except OSError as error:
        message = f"--env-file {file} cannot be written ({error.strerror}): choose another name"
        raise CommandFailed(message, ExitCode.USAGE) from error
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def remove(file: Path) -> None:
    """Remove the file if this process has written it."""
    if _writer(file) == os.getpid():
        file.unlink()


def _writer(file: Path) -> int | None:
    """Return the process that has written the file; None: it was no sandbox."""
    with suppress(OSError, UnicodeDecodeError):
        if found := WRITTEN.match(file.read_text(encoding="utf-8")):
            return int(found.group(1))
    return None


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it is somebody else's
        return True
    return True
