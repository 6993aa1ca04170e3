"""When to look again: pure functions of what happened so far."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from tasks.limits.intervals import (
    LONGEST_RETRY,
    POLL_LONGEST,
    RetryState,
    UsualTimes,
    brisk_interval,
    poll_interval,
    retry_interval,
)

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
FIRST = timedelta(seconds=5)


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


@pytest.mark.parametrize("chance", [0, 0.5, 1])
def test_polls_grow_to_four_times_the_first_interval_with_jitter(chance: float) -> None:
    intervals = [poll_interval(FIRST, RetryState(polls=polls), chance) / FIRST for polls in range(12)]

    assert intervals == sorted(intervals)
    assert 0.75 <= intervals[0] <= 1
    assert 0.75 * POLL_LONGEST <= intervals[-1] <= POLL_LONGEST


@pytest.mark.parametrize("chance", [0, 1])
def test_tries_grow_to_two_minutes_and_honour_what_aws_asks(chance: float) -> None:
    intervals = [retry_interval(RetryState(failures=failures), None, chance) for failures in range(64)]

    assert intervals == sorted(intervals)
    assert timedelta(seconds=0.5) <= intervals[0] <= timedelta(seconds=1)
    assert intervals[-1] <= LONGEST_RETRY
    assert retry_interval(RetryState(), 3600, chance) == timedelta(hours=1)


def test_failures_count_from_the_first_one_until_a_good_answer() -> None:
    retry_state = RetryState().failed(NOON).failed(after(10))

    assert (retry_state.failures, retry_state.failing_for(after(60))) == (2, timedelta(seconds=60))
    assert retry_state.polled(FIRST).failing_for(after(90)) == timedelta()


def test_a_pace_survives_being_stored() -> None:
    retry_state = RetryState().polled(FIRST, [NOON]).failed(NOON)

    assert RetryState.read(json.loads(json.dumps(retry_state.document()))) == retry_state


def test_what_others_wait_for_is_looked_at_when_it_usually_ends_and_then_soon() -> None:
    usual = timedelta(seconds=12)

    assert brisk_interval(FIRST, [NOON], usual, after(2), 1) == timedelta(seconds=10)
    assert brisk_interval(FIRST, [NOON], usual, after(12), 1) == FIRST / 5
    assert brisk_interval(FIRST, [NOON], usual, after(20), 1) == timedelta(seconds=2)
    assert brisk_interval(FIRST, [NOON], usual, after(900), 1) == FIRST
    assert brisk_interval(FIRST, [NOON], timedelta(hours=1), after(1), 1) == FIRST * POLL_LONGEST
    assert brisk_interval(FIRST, [NOON], None, after(2), 0) == FIRST * 0.75


@pytest.mark.parametrize("seconds", [0.5, 2.0, 6.0, 40.0])
def test_the_usual_time_follows_aws(seconds: float) -> None:
    first, times = timedelta(seconds=0.5), UsualTimes()
    overshoots = [_watch(first, times, seconds) - seconds for _ in range(60)]

    late = overshoots[20:]
    assert sum(late) / len(late) < max(0.1 * seconds, 0.12), "seconds that others wait longer than they must"


def _watch(first: timedelta, times: UsualTimes, seconds: float) -> float:
    """Poll a piece of AWS's work that takes `seconds`; answers when its end was seen."""
    now = NOON
    while True:
        interval = brisk_interval(first, [NOON], times.of("step"), now, 0.5)
        now += interval
        if now >= after(seconds):
            times.learn("step", now - NOON, interval.total_seconds())
            return (now - NOON).total_seconds()


def test_the_first_piece_to_end_is_looked_at_first() -> None:
    assert brisk_interval(FIRST, [NOON, after(3)], timedelta(seconds=12), after(4), 1) == timedelta(seconds=8)


def test_what_is_not_among_the_work_any_more_has_ended() -> None:
    retry_state = RetryState().polled(FIRST, [NOON, after(3)])

    assert retry_state.ended([after(3), after(9)]) == [NOON]
    assert retry_state.ended() == [NOON, after(3)]
    assert RetryState().polled(FIRST).ended() == []


def test_an_outage_of_ours_is_not_taken_for_slowness_of_aws() -> None:
    times = UsualTimes({"step": 10})

    times.learn("step", timedelta(hours=1), 10)

    assert times.seconds["step"] < 14
