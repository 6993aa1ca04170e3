"""What a process has once is made once, also when threads ask at the same moment."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Barrier, BrokenBarrierError
from typing import Any

import pytest

from config.made_once import made_once
from config.settings import Settings
from tasks.metering import database
from tests.support.cluster import CONFIG_DIR

LONG_ENOUGH = 0.2  # seconds in which another thread would come, if it could


def waiting_for(other: Barrier) -> None:
    with suppress(BrokenBarrierError):
        other.wait(LONG_ENOUGH)


def test_it_is_made_once_for_each_argument() -> None:
    both, made = Barrier(2), []

    @made_once
    def make(name: str) -> object:
        waiting_for(both)
        made.append(name)
        return object()

    with ThreadPoolExecutor(3) as threads:
        first, second, other = threads.map(make, ["a", "a", "b"])
    assert first is second is not other
    assert sorted(made) == ["a", "b"]


def test_threads_that_open_the_database_at_once_share_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    both, opened, actual = Barrier(2), [], database.Database

    def open_slowly(url: str) -> Any:
        waiting_for(both)
        opened.append(actual(url))
        return opened[-1]

    monkeypatch.setattr(database, "Database", open_slowly)
    settings = Settings(_env_file=None, config_dir=CONFIG_DIR, data_dir=tmp_path)
    with ThreadPoolExecutor(2) as threads:
        one, same = threads.map(database.open_database, [settings] * 2)
    assert one is same
    assert opened == [one]
