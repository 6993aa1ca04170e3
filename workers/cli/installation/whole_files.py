"""Files that are there as a whole or not at all, also after kill -9; and one command at a time in a directory."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from workers.cli.errors import CommandFailed, ExitCode

EVERYBODY = 0o644


def write_whole(path: Path, text: str, mode: int = EVERYBODY) -> None:
    """Write a file, in a folder that is made if need be; one that says so already is left alone. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_file() and path.read_bytes() == text.encode():  # running workers look at what changes
        return
    partial = path.with_name(f".{path.name}.new")
    write_new(partial, text, mode)
    partial.replace(path)


def write_new(path: Path, text: str, mode: int) -> None:
    """Write a file in place of any other, and have it on the disk. Raises OSError."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as stream:
        os.fchmod(stream.fileno(), mode)  # whatever the umask says
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())


def secret_mode(folder: Path) -> int:
    """Return who may read a secret in a folder: its owner, and the folder's group if the folder is open to that alone.

    So a container that runs as another user can read it, also after the next key is written. A folder that everybody
    may read was not made for a group.
    """
    mode = folder.stat().st_mode
    return 0o600 if mode & 0o007 else 0o600 | mode & 0o040


@contextmanager
def alone_in(directory: Path) -> Iterator[None]:
    """Keep other commands out of a directory; raises CommandFailed if one is in it."""
    held = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)  # ends with the process, however that ends
        yield
    except BlockingIOError as error:
        message = f"another bootstrap works in {directory}: wait until it has ended"
        raise CommandFailed(message, ExitCode.MISTAKES) from error
    finally:
        os.close(held)
