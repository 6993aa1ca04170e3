"""Rotating a key is decided by what AWS shows of the keys: no gap, and nothing goes that somebody may still use."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tasks.aws.access_keys import ListedKey
from tasks.bootstrap.rotation import KEPT, QUIET, Move, UnknownKeys, next_step, off_since, off_text

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=90)
SECOND = timedelta(seconds=1)


def key(name: str, used: timedelta | None = None, *, active: bool = True) -> ListedKey:
    return ListedKey(name, active, LONG_AGO, None if used is None else NOW - used)


def young(name: str, age: timedelta) -> ListedKey:
    return ListedKey(name, True, NOW - age, None)


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
        # A key was made, and its secret was lost before it was written down; or it is in somebody else's files.
        ([key("old", SECOND), young("lost", SECOND)], "old", Move.WAIT, "lost"),
        ([key("old", SECOND), young("lost", QUIET)], "old", Move.SWITCH_OFF, "lost"),
        # A worker that has nothing to do signs in once a day.
        ([key("old", timedelta(hours=25)), key("new", SECOND)], "new", Move.WAIT, "old"),
    ],
)
def test_the_next_step(keys: list[ListedKey], in_file: str | None, move: Move, about: str | None) -> None:
    step = next_step(keys, in_file, {}, NOW)

    assert (step.move, step.key.id if step.key else None) == (move, about)
    assert step.why


@pytest.mark.parametrize(
    ("off", "move"),
    [({}, Move.WAIT), ({"old": NOW - KEPT + SECOND}, Move.WAIT), ({"old": NOW - KEPT}, Move.DELETE)],
)
def test_a_key_that_is_off_can_be_switched_on_again_for_a_day(off: dict[str, datetime], move: Move) -> None:
    """Whenever it was last used: the day begins when it is switched off, or when that is first seen."""
    keys = [key("old", timedelta(days=30), active=False), key("new", SECOND)]

    assert next_step(keys, "new", off, NOW).move is move


@pytest.mark.parametrize("in_file", [None, "another"])
def test_two_keys_of_which_the_file_names_none_are_a_persons_to_sort_out(in_file: str | None) -> None:
    told = r"\(a is on and was last used at 2026-05-01 11:59 UTC; b is off and was never used\): delete the one that"
    with pytest.raises(UnknownKeys, match=told):
        next_step([key("a", SECOND), key("b", active=False)], in_file, {}, NOW)


@pytest.mark.parametrize("other", [QUIET, 2 * QUIET])
def test_the_only_key_that_works_is_never_switched_off(other: timedelta) -> None:
    """As with an old copy of the directory, whose key was rotated away."""
    with pytest.raises(UnknownKeys, match="the key in the file, mine, is switched off"):
        next_step([key("mine", SECOND, active=False), key("theirs", other)], "mine", {}, NOW)


def test_the_last_use_is_told() -> None:
    said = next_step([key("old", timedelta(minutes=30)), key("new", SECOND)], "new", {}, NOW).why
    assert "was last used at 2026-05-01 11:30 UTC" in said
    assert "it is switched off after 2026-05-02 13:30 UTC" in said


def test_when_a_key_was_switched_off_is_read_as_it_was_written() -> None:
    assert off_since(off_text("AKIA1", NOW)) == {"AKIA1": NOW}
    assert [off_since(text) for text in (None, "", "AKIA1", "AKIA1 2026-05-01", "AKIA1 soon")] == [{}] * 5
