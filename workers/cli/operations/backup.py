"""The commands `backup` and `restore`. They talk to Redis, as `tasks/state/backup.py` says why, and need no API."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from redis import RedisError

from config.settings import SettingsError, load_settings
from tasks.connector import redis_client
from tasks.state import backup
from tasks.state.store import Store
from workers.cli.errors import CommandFailed, ExitCode, complain
from workers.cli.output import print_line, stdout_console

OWNER_ONLY = 0o600  # it names people and their addresses
FLAGS = os.O_WRONLY | os.O_CREAT | os.O_TRUNC


def save(file: Path | None) -> None:
    """Write a backup to a file, whole or not at all, or to stdout."""
    with _store() as store:
        if file is None:
            for line in backup.lines(store):
                print(line)
            return
        beside = file.with_name(f".{file.name}.part")
        try:
            with os.fdopen(os.open(beside, FLAGS, OWNER_ONLY), "w", encoding="utf-8") as out:
                out.writelines(f"{line}\n" for line in backup.lines(store))
            beside.replace(file)
        except OSError as error:
            raise CommandFailed(f"{file} cannot be written: {error.strerror}", ExitCode.MISTAKES) from error
        finally:
            beside.unlink(missing_ok=True)


def restore(file: Path, *, merge: bool) -> None:
    """Put a backup back; every line is checked before anything is written."""
    try:
        saved = backup.read(_text(file).splitlines())
        with _store() as store:
            done = backup.restore(store, saved, merge=merge)
    except backup.BackupRefused as error:
        raise CommandFailed(f"nothing was restored:\n{error}", ExitCode.MISTAKES) from error
    kept = f"; {len(done.kept)} were there and stay as they are" if done.kept else ""
    print_line(stdout_console(), f"restored {len(done.added)} tenants and {len(saved.paused)} pauses{kept}")
    if done.differing:
        lines = [f"{tenant}: {parts}" for tenant, parts in done.differing.items()]
        complain("\n".join(["kept, although the backup differs; order again what it should be instead:", *lines]))


def _text(file: Path) -> str:
    try:
        return sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandFailed(f"{file} cannot be read as UTF-8 text", ExitCode.MISTAKES) from error


@contextmanager
def _store() -> Iterator[Store]:
    try:
        settings = load_settings()
    except SettingsError as error:
        raise CommandFailed(str(error), ExitCode.MISTAKES) from error
    store = Store(redis_client(settings), settings.retention, settings.event_history)
    try:
        yield store
    except RedisError as error:
        raise CommandFailed(
            f"Redis cannot be reached ({error}): check CONNECTOR_REDIS_URL", ExitCode.UNREACHABLE
        ) from error
    finally:
        store.close()
