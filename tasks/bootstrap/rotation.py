"""Which step comes next when a user's access key is rotated without a gap. AWS knows how far it has come.

    one key  ─► a second one is made, and goes into the files  ─► the old one is switched off, once it is not used any
    more  ─► a day later it is deleted

AWS allows two keys for a user. Switching off can be taken back, deleting cannot.
Source: docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_access-keys-update.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from tasks.aws.access_keys import ListedKey

# Where nobody orders anything, a worker signs in once a day: for daily replications, or to read costs. Silence proves
# something after more than that, and after the hour that a session of a role lasts.
QUIET = timedelta(hours=26)
KEPT = timedelta(days=1)  # for which a key that is off can be switched on again
OFF_TAG = "meshstack:key-off"
"""Of a user: which key was switched off, and when. IAM does not tell."""


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
    """Nobody can tell which of a user's two keys the workers use."""


def next_step(keys: Sequence[ListedKey], in_file: str | None, off: Mapping[str, datetime], now: datetime) -> Step:
    """Decide. Raises UnknownKeys.

    in_file   the id of the key in the file that workers read; None: there is none
    off       since when a key is off, by its id, as far as it was written down
    """
    if len(keys) < 2:
        why = "a new key goes into the files; give them to all workers" if keys else "the user has no key yet"
        return Step(Move.CREATE, None, why)
    new = next((key for key in keys if key.id == in_file), None)
    if new is None or not new.active:
        raise UnknownKeys(_unknown(keys, new))
    (old,) = (key for key in keys if key is not new)
    if not old.active:
        ends = off.get(old.id, now) + KEPT
        if now < ends:
            return Step(Move.WAIT, old, f"it is off, {last_use(old)}, and is kept until {_shown(ends)}")
        return Step(Move.DELETE, old, f"it is off, and {last_use(old)}")
    if new.last_used is None:
        return Step(Move.WAIT, new, f"no worker has used the new key yet; the old one {last_use(old)}")
    ends = (old.last_used or old.created_at) + QUIET
    if now < ends:
        why = f"it {last_use(old)}: some worker may still have it; if none uses it, it is switched off"
        return Step(Move.WAIT, old, f"{why} after {_shown(ends)}")
    return Step(Move.SWITCH_OFF, old, f"the new key is used, and this one {last_use(old)}")


def _unknown(keys: Sequence[ListedKey], in_file: ListedKey | None) -> str:
    told = "; ".join(f"{key.id} is {'on' if key.active else 'off'} and {last_use(key)}" for key in keys)
    if in_file is not None:
        advice = "switch it on again in IAM, or put the other one into the files"
        return f"the key in the file, {in_file.id}, is switched off ({told}): {advice}"
    return f"the user has two keys and the file names neither ({told}): delete the one that no worker uses"


def last_use(key: ListedKey) -> str:
    """Say when a key was last used: "was last used at …"."""
    return "was never used" if key.last_used is None else f"was last used at {_shown(key.last_used)}"


def off_text(key: str, at: datetime) -> str:
    """Write down when a key was switched off, as the value of the tag."""
    return f"{key} {at.isoformat(timespec='seconds')}"


def off_since(text: str | None) -> dict[str, datetime]:
    """Read that; nothing from what somebody else wrote.

    >>> off_since("AKIA1 2026-05-01T12:00:00+00:00")
    {'AKIA1': datetime.datetime(2026, 5, 1, 12, 0, tzinfo=datetime.timezone.utc)}
    >>> off_since("soon"), off_since(None)
    ({}, {})
    """
    key, _, at = (text or "").partition(" ")
    with suppress(ValueError):
        found = datetime.fromisoformat(at)
        return {key: found} if found.tzinfo else {}
    return {}


def _shown(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
