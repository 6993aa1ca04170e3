"""What beat is to send: each tick is taken once in its interval, whoever asks."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from tasks.state.store import Store
from tests.support.waiting import eventually

HOUR, MOMENT = timedelta(hours=1), timedelta(milliseconds=20)


def test_a_tick_is_taken_by_one_of_many(store: Store) -> None:
    with ThreadPoolExecutor(8) as beats:
        answers = list(beats.map(lambda _: store.ticks.take({"a": HOUR, "b": HOUR}), range(40)))

    assert sorted(name for due, _ in answers for name in due) == ["a", "b"]


def test_a_tick_comes_again_after_its_interval(store: Store) -> None:
    every = {"rare": HOUR, "often": MOMENT}
    due, rest = store.ticks.take(every)
    assert (sorted(due), rest) == (["often", "rare"], MOMENT)

    assert eventually(lambda: store.ticks.take(every)[0], every=0.001) == ["often"]

    due, rest = store.ticks.take({"rare": HOUR})
    assert due == []
    assert HOUR - timedelta(minutes=1) < rest <= HOUR
