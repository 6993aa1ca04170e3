"""Rotating a key is decided by what AWS shows of the keys: no gap, and nothing goes that somebody may still use."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tasks.aws.access_keys import ListedKey
from tasks.bootstrap.rotation import KEPT, QUIET, Move, UnknownKeys, next_step

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=90)
SECOND = timedelta(seconds=1)


def key(name: str, used: timedelta | None = None, *, active: bool = True) -> ListedKey:
    return ListedKey(name, active, LONG_AGO, None if used is None else NOW - used)


@pytest.mark.parametrize(
    ("keys", "in_file", "move", "about"),
    [
        ([], None, Move.CREATE, None),
        ([key("old", SECOND)], "old", Move.CREATE, None),
        ([key("old", SECOND)], None, Move.CREATE, None),
        ([key("old", SECOND), key("new")], "new", Move.WAIT, "new"),
        ([key("old", QUIET - SECOND), key("new", SECOND)], "new", Move.WAIT, "old"),
        ([key("old", QUIET), key("new", SECOND)], "new", Move.SWITCH_OFF, "old"),
        ([key("new", SECOND), key("old")], "new", Move.SWITCH_OFF, "old"),
        ([key("old", KEPT - SECOND, active=False), key("new", SECOND)], "new", Move.WAIT, "old"),
        ([key("old", KEPT, active=False), key("new", SECOND)], "new", Move.DELETE, "old"),
        ([key("old", active=False), key("new", SECOND)], "new", Move.DELETE, "old"),
        # A key was made, and its secret was lost before it was written down: nobody can have used it.
        ([key("old", SECOND), key("lost")], "old", Move.SWITCH_OFF, "lost"),
    ],
)
def test_the_next_step(keys: list[ListedKey], in_file: str | None, move: Move, about: str | None) -> None:
    step = next_step(keys, in_file, NOW)

    assert (step.move, step.key.id if step.key else None) == (move, about)
    assert step.why


@pytest.mark.parametrize("in_file", [None, "another"])
def test_two_keys_of_which_the_file_names_none_are_a_persons_to_sort_out(in_file: str | None) -> None:
    with pytest.raises(UnknownKeys, match="delete the one that no worker uses"):
        next_step([key("a", SECOND), key("b", SECOND)], in_file, NOW)


def test_the_last_use_is_told() -> None:
    said = next_step([key("old", timedelta(minutes=30)), key("new", SECOND)], "new", NOW).why
    assert "was last used at 2026-05-01 11:30 UTC" in said
