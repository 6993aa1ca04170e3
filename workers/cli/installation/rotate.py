"""`bootstrap --rotate-keys`: take the next step of rotating each user's access key, and say when it was last used.

Each step can be cut off anywhere: what AWS has, the files and a tag of the user tell the next run how far it came.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tasks.aws.access_keys import AccessKeys
from tasks.bootstrap.blueprint import PLATFORM_TAG
from tasks.bootstrap.rotation import OFF_TAG, Move, Step, UnknownKeys, next_step, off_since, off_text
from tasks.errors import StepError
from workers.cli.errors import CommandFailed, ExitCode
from workers.cli.installation.key_pair import LATE_SECONDS, KeyPair
from workers.cli.installation.targets import Applying, failed

LOOK_SECONDS = 1.0  # between two looks at a user that was made a moment ago


@dataclass(frozen=True)
class RotatedUser:
    """A user, and the files from which the workers have its key."""

    name: str
    platform: str  # whose it must be
    files: KeyPair


def rotate(users: Iterable[RotatedUser], applying: Applying, allowed: Callable[[str], None]) -> list[dict[str, Any]]:
    """Take the next step for each user; returns what was done. Raises CommandFailed.

    allowed   is asked before a key is switched off or deleted; raises CommandFailed
    """
    done = []
    for user in users:
        keys = _keys(applying, user)
        try:
            step, key = _next(keys, user, allowed)
        except UnknownKeys as error:
            raise CommandFailed(f"{user.name}: {error}", ExitCode.MISTAKES) from error
        except (StepError, OSError) as error:
            raise _failed(user, error) from error
        done.append({"user": user.name, "move": str(step.move), "key": key, "why": step.why})
    return done


def first_keys(users: Iterable[RotatedUser], applying: Applying) -> list[dict[str, Any]]:
    """Make a key for each user that has none, here or in AWS; returns what was done. Raises CommandFailed."""
    done = []
    for user in users:
        keys = _keys(applying, user)
        try:
            _await_ours(keys, user)
            made = _first_key(keys, user)
        except (StepError, OSError) as error:
            raise _failed(user, error) from error
        if made is not None:
            done.append({"user": user.name, "move": str(Move.CREATE), "key": made})
    return done


def forget(users: Iterable[RotatedUser], key: str) -> None:
    """Delete the files that hold this key, and no others: a later --apply then makes a new one."""
    for user in users:
        user.files.forget(key)


def _first_key(keys: AccessKeys, user: RotatedUser) -> str | None:
    listed = keys.listed()
    known = [key.id for key in listed]
    if user.files.unseen(known) is not None:
        return None
    finished = user.files.finish(known)
    if finished is not None or user.files.id() is not None or listed:
        return finished
    return _make(keys, user)


def _next(keys: AccessKeys, user: RotatedUser, allowed: Callable[[str], None]) -> tuple[Step, str | None]:
    """Take the next step; returns it, with the id of the key that it was done to."""
    tags, listed, now = _check_ours(keys, user), keys.listed(), datetime.now(UTC)
    known = [key.id for key in listed]
    unseen = user.files.unseen(known)
    if unseen is not None:  # a list that is younger than the key proves nothing
        return Step(Move.WAIT, None, "it was made a moment ago, and AWS does not show it yet"), unseen
    finished = user.files.finish(known)
    if finished is not None:
        return Step(Move.CREATE, None, "a run was stopped while it wrote the files; give them to all workers"), finished
    off = off_since(tags.get(OFF_TAG))
    step = next_step(listed, user.files.id(), off, now)
    if step.move is Move.CREATE:
        return step, _make(keys, user)
    assert step.key is not None
    key = step.key.id
    if step.move is Move.SWITCH_OFF:
        allowed(f"Switch off {key} of {user.name}?")
        keys.tag(OFF_TAG, off_text(key, now))
        keys.switch_off(key)
    elif step.move is Move.DELETE:
        allowed(f"Delete {key} of {user.name} for good?")
        keys.delete(key)
    elif not step.key.active and key not in off:  # somebody else has switched it off: its day begins now
        keys.tag(OFF_TAG, off_text(key, now))
    return step, key


def _keys(applying: Applying, user: RotatedUser) -> AccessKeys:
    return AccessKeys(applying.clients, applying.profiles["meshcloud"], applying.region, user.name)


def _make(keys: AccessKeys, user: RotatedUser) -> str:
    made = keys.create()
    try:
        user.files.write(made)
    except OSError as error:
        keys.delete(made.id)  # nobody has its secret
        message = f"{user.name}: {error.filename} cannot be written ({error.strerror}); the new key was deleted again"
        raise CommandFailed(message, ExitCode.FAILED) from error
    return made.id


def _await_ours(keys: AccessKeys, user: RotatedUser) -> None:
    """See that the user is ours, which was made a moment ago: AWS may not show it yet. Raises CommandFailed."""
    ends = time.monotonic() + LATE_SECONDS
    while True:
        try:
            _check_ours(keys, user)
        except CommandFailed:
            if time.monotonic() >= ends:
                raise
            time.sleep(LOOK_SECONDS)
        else:
            return


def _check_ours(keys: AccessKeys, user: RotatedUser) -> dict[str, str]:
    """Return the user's tags. Raises CommandFailed unless they say that it is ours: its name proves nothing."""
    tags = keys.tags()
    if tags.get(PLATFORM_TAG) == user.platform:
        return tags
    found = f"has the tag {PLATFORM_TAG}={tags[PLATFORM_TAG]}" if PLATFORM_TAG in tags else "is not there, or not ours"
    message = f"{user.name} {found}: only the keys of a user with the tag {PLATFORM_TAG}={user.platform} are changed"
    remedy = f"--apply makes one. If this one is yours: aws iam tag-user --user-name {user.name} --tags"
    raise CommandFailed(f"{message}\n{remedy} Key={PLATFORM_TAG},Value={user.platform}", ExitCode.MISTAKES)


def _failed(user: RotatedUser, error: StepError | OSError) -> CommandFailed:
    if isinstance(error, OSError):
        return CommandFailed(f"{user.name}: {error.filename}: {error.strerror}", ExitCode.FAILED)
    return failed(error, user.name)
