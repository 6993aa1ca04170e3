"""Which step comes next when a user's access key is rotated without a gap. AWS knows how far it has come.

    one key  ─► a second one is made, and goes into the files  ─► the old one is switched off, once it is not used any
    more  ─► a day later it is deleted

AWS allows two keys for a user. Switching off can be taken back, deleting cannot.
Source: docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_access-keys-update.html
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from tasks.aws.access_keys import ListedKey

# A session of a role lasts an hour, in which a worker uses no key: silence proves something after more than that.
QUIET = timedelta(hours=2)
KEPT = timedelta(days=1)  # for which a key that is off can be switched on again


class Move(StrEnum):
    """What is to be done."""

    CREATE = "create"
    WAIT = "wait"
    SWITCH_OFF = "switch off"
    DELETE = "delete"


@dataclass(frozen=True)
class Step:
    """The next step, and why."""

    move: Move
    key: ListedKey | None  # the one that is switched off, deleted or waited for
    why: str  # a sentence


class UnknownKeys(ValueError):
    """A user has two keys, and the file names neither: nobody can tell which one the workers use."""


def next_step(keys: Sequence[ListedKey], in_file: str | None, now: datetime) -> Step:
    """Decide. Raises UnknownKeys.

    in_file   the id of the key in the file that workers read; None: there is none
    """
    if len(keys) < 2:
        why = "a new key goes into the files; give them to all workers" if keys else "the user has no key yet"
        return Step(Move.CREATE, None, why)
    new = next((key for key in keys if key.id == in_file), None)
    if new is None:
        raise UnknownKeys("the user has two keys and the file names neither: delete the one that no worker uses")
    (old,) = (key for key in keys if key is not new)
    used = "was never used" if old.last_used is None else f"was last used at {old.last_used:%Y-%m-%d %H:%M} UTC"
    if not old.active:
        ends = (old.last_used or old.created_at) + KEPT
        if now < ends:
            return Step(Move.WAIT, old, f"it is off, {used}, and is kept until {ends:%Y-%m-%d %H:%M} UTC")
        return Step(Move.DELETE, old, f"it is off, and {used}")
    if new.last_used is None:
        return Step(Move.WAIT, new, f"no worker has used the new key yet; the old one {used}")
    if old.last_used is not None and now - old.last_used < QUIET:
        return Step(Move.WAIT, old, f"it {used}: some worker may still have it")
    return Step(Move.SWITCH_OFF, old, f"the new key is used, and this one {used}")
