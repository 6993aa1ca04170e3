"""`bootstrap --rotate-keys`: take the next step of rotating each user's access key, and say when it was last used."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tasks.aws.access_keys import AccessKeys, NewKey
from tasks.aws.clients import Clients
from tasks.bootstrap.rotation import Move, Step, UnknownKeys, next_step
from tasks.errors import StepError
from workers.cli.errors import CommandFailed, ExitCode
from workers.cli.installation.deploy import failed


@dataclass(frozen=True)
class RotatedUser:
    """A user, and the files from which the workers have its key."""

    name: str
    access_key: Path
    secret_key: Path


def rotate(
    users: Iterable[RotatedUser], profile: str, region: str, allowed: Callable[[str], None]
) -> list[dict[str, Any]]:
    """Take the next step for each user; returns what was done. Raises CommandFailed.

    allowed   is asked before a key is switched off or deleted; raises CommandFailed
    """
    clients, done = Clients(), []
    for user in users:
        keys = AccessKeys(clients, profile, region, user.name)
        try:
            step = next_step(keys.listed(), _read(user.access_key), datetime.now(UTC))
            key = _take(step, keys, user, allowed)
        except UnknownKeys as error:
            raise CommandFailed(f"{user.name}: {error}", ExitCode.MISTAKES) from error
        except StepError as error:
            raise failed(error, user.name) from error
        done.append({"user": user.name, "move": str(step.move), "key": key, "why": step.why})
    return done


def first_keys(users: Iterable[RotatedUser], profile: str, region: str) -> list[dict[str, Any]]:
    """Make a key for each user that has none, here or in AWS; returns what was done. Raises CommandFailed."""
    clients, done = Clients(), []
    for user in users:
        keys = AccessKeys(clients, profile, region, user.name)
        try:
            if user.access_key.exists() or keys.listed():
                continue
            made = keys.create()
        except StepError as error:
            raise failed(error, user.name) from error
        _write(user, made)
        done.append({"user": user.name, "move": str(Move.CREATE), "key": made.id})
    return done


def forget(users: Iterable[RotatedUser], key: str) -> None:
    """Delete the files that hold this key, and no others: a later --apply then makes a new one."""
    for user in users:
        if _read(user.access_key) == key:
            user.secret_key.unlink(missing_ok=True)
            user.access_key.unlink()


def _take(step: Step, keys: AccessKeys, user: RotatedUser, allowed: Callable[[str], None]) -> str | None:
    """Do it; returns the id of the key that it was done to."""
    if step.move is Move.CREATE:
        made = keys.create()
        _write(user, made)
        return made.id
    assert step.key is not None
    if step.move is Move.SWITCH_OFF:
        allowed(f"Switch off {step.key.id} of {user.name}?")
        keys.switch_off(step.key.id)
    if step.move is Move.DELETE:
        allowed(f"Delete {step.key.id} of {user.name} for good?")
        keys.delete(step.key.id)
    return step.key.id


def _read(file: Path) -> str | None:
    return file.read_text(encoding="utf-8").strip() if file.exists() else None


def _write(user: RotatedUser, key: NewKey) -> None:
    """Replace both files, one right after the other: workers look at them once a second, and want them still."""
    user.access_key.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    written = []
    for file, text in ((user.access_key, key.id), (user.secret_key, key.secret)):
        partial = file.with_name(f"{file.name}.new")
        partial.touch(mode=0o600)
        partial.write_text(f"{text}\n", encoding="utf-8")
        written.append((partial, file))
    for partial, file in written:
        partial.replace(file)
