"""A lock is one process's, is free when its holder died, and is removed by nobody else."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tasks.state.store import Store
from tests.support.waiting import eventually

LONG = timedelta(minutes=1)


def test_a_lock_is_held_by_one_and_free_afterwards(store: Store, redis: Any) -> None:
    with store.locks.held("delivery", LONG) as first, store.locks.held("delivery", LONG) as second:
        assert (first, second) == (True, False)
        with store.locks.held("listing 111111111111", LONG) as other:
            assert other
        assert 0 < redis.pttl("connector:lock:delivery") <= 60_000, "were its holder dead, not for long"

    assert redis.keys("connector:lock:*") == []


def test_a_lock_is_free_after_an_error(store: Store, redis: Any) -> None:
    with pytest.raises(KeyError), store.locks.held("delivery", LONG):
        raise KeyError

    assert redis.keys("connector:lock:*") == []


def test_who_took_too_long_does_not_remove_the_lock_of_the_next_one(store: Store, redis: Any) -> None:
    with store.locks.held("delivery", timedelta(milliseconds=10)):
        eventually(lambda: not redis.exists("connector:lock:delivery"))
        following = store.locks.held("delivery", LONG)
        assert following.__enter__()

    assert redis.exists("connector:lock:delivery")
    following.__exit__(None, None, None)
    assert not redis.exists("connector:lock:delivery")
