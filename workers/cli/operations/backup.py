"""The commands `backup` and `restore`. They talk to Redis, as `tasks/state/backup.py` says why, and need no API."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from redis import RedisError

from config.environment import SettingsError, load_settings
from config.printable import counted
from tasks.connector import make_store
from tasks.state import backup
from tasks.state.store import Store
from workers.cli.errors import CommandFailed, ExitCode, complain
from workers.cli.output import print_json, print_line, stderr_console, stdout_console
from workers.cli.slow import saying

OWNER_ONLY = 0o600  # it names people and their addresses
FLAGS = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
STDIO = Path("-")


def save(file: Path, *, overwrite: bool, as_json: bool) -> None:
    """Write a backup to a file, whole or not at all, or to stdout, and say how much is in it."""
    if file == STDIO:
        with _store() as store, saying("every tenant is saved"):
            counts = _write(sys.stdout, backup.lines(store))
        print_line(stderr_console(), f"saved {_told(counts)}")
        return
    if file.exists() and not overwrite:
        raise CommandFailed(f"{file} exists: choose another name, or use --overwrite", ExitCode.USAGE)
    with _store() as store, saying("every tenant is saved"):
        counts = _save(file, backup.lines(store))
    if as_json:
        print_json({"file": str(file), "tenants": counts["tenant"], "pauses": counts["pause"]})
    else:
        print_line(stdout_console(), f"saved {_told(counts)} to {file}")


def restore(file: Path, *, merge: bool, as_json: bool) -> None:
    """Put a backup back; every line is checked before anything is written."""
    try:
        saved = backup.read(_text(file).splitlines())
        with _store() as store, saying("every tenant is restored"):
            done = backup.restore(store, saved, merge=merge)
    except backup.BackupRefused as error:
        raise CommandFailed(f"nothing was restored:\n{error}", ExitCode.MISTAKES) from error
    if done.refused:
        complain("\n".join(["left out:", *(f"{tenant}: {why}" for tenant, why in done.refused.items())]))
    if done.differing:
        lines = [f"{tenant}: {parts}" for tenant, parts in done.differing.items()]
        complain("\n".join(["left unchanged, although the backup differs; order again where it is right:", *lines]))
    if as_json:
        print_json(
            {
                "added": done.added,
                "kept": done.kept,
                "pauses": sorted(saved.paused),
                "differing": done.differing,
                "refused": done.refused,
            }
        )
        return
    kept = f"; {counted(len(done.kept), 'tenant')} existed and {_were(done.kept)} left unchanged" if done.kept else ""
    restored = f"{counted(len(done.added), 'tenant')} and {counted(len(saved.paused), 'pause')}"
    print_line(stdout_console(), f"restored {restored}{kept}")


def _save(file: Path, lines: Iterable[str]) -> Counter[str]:
    beside = file.with_name(f".{file.name}.part")
    try:
        with os.fdopen(os.open(beside, FLAGS, OWNER_ONLY), "w", encoding="utf-8") as out:
            counts = _write(out, lines)
        beside.replace(file)
    except OSError as error:
        message = f"{file} cannot be written ({error.strerror}): choose another place"
        raise CommandFailed(message, ExitCode.MISTAKES) from error
    finally:
        beside.unlink(missing_ok=True)
    return counts


def _write(out: TextIO, lines: Iterable[str]) -> Counter[str]:
    """Write the lines; answers how many there are of each kind, by their first field."""
    counts: Counter[str] = Counter()
    for line in lines:
        out.write(f"{line}\n")
        counts[next(iter(json.loads(line)))] += 1
    return counts


def _told(counts: Counter[str]) -> str:
    return f"{counted(counts['tenant'], 'tenant')} and {counted(counts['pause'], 'pause')}"


def _were(names: list[str]) -> str:
    return "was" if len(names) == 1 else "were"


def _text(file: Path) -> str:
    try:
        return sys.stdin.read() if file == STDIO else file.read_text(encoding="utf-8")
    except OSError as error:
        message = f"{file} cannot be read ({error.strerror}): name a backup, or - for stdin"
        raise CommandFailed(message, ExitCode.MISTAKES) from error
    except UnicodeDecodeError as error:
        message = f"{file} is not UTF-8 text, so not a backup: name another file"
        raise CommandFailed(message, ExitCode.MISTAKES) from error


@contextmanager
def _store() -> Iterator[Store]:
    try:
        settings = load_settings()
    except SettingsError as error:
        raise CommandFailed(str(error), ExitCode.MISTAKES) from error
    store = make_store(settings)
    try:
        yield store
    except RedisError as error:
        raise CommandFailed(
            f"Redis cannot be reached ({error}): check CONNECTOR_REDIS_URL", ExitCode.UNREACHABLE
        ) from error
    finally:
        store.close()
