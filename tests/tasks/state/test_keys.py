"""The table of keys is the documentation, and no test leaves a key that is not as it says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tasks.state.keys import TABLE, Keys, row_of
from tests.support.redis import problems
from tests.tasks.state.keys_page import page

pytest_plugins = ["pytester"]
REPOSITORY = Path(__file__).parents[3]
CONFTEST = "from tests.support.redis import known_keys"
THREE_TESTS = """
import pytest
from tests.support.redis import CheckedRedis

@pytest.fixture(scope="module")
def redis():
    with CheckedRedis("no") as server:
        yield server.client

def test_leaves_a_key_that_nobody_knows(redis):
    redis.set("connector:unheard", 1)

def test_writes_nothing(redis):
    assert redis.get("connector:unheard")

def test_leaves_a_key_of_the_table_and_one_of_celery(redis):
    redis.flushall()
    redis.zadd("connector:due", {"r": 1})
    redis.rpush("queue", "message")
"""


def test_a_key_is_built_of_its_row() -> None:
    assert Keys().due == "connector:due"
    assert Keys("other:").tenant("a.b.c.d") == "other:tenant:a.b.c.d"
    assert row_of("connector:holders:account assignment in arn:aws:sso:::instance/1") is TABLE["holders"]
    assert row_of("connector:due") is TABLE["due"]


def test_the_page_shows_the_table() -> None:
    shown = (REPOSITORY / "docs" / "redis.md").read_text()

    assert shown == page(), "make it again: see keys_page.py"
    owners = {row.owner for row in TABLE.values()} - {"workers/api/wrong_tokens"}
    assert [each for each in owners if not (REPOSITORY / "tasks" / "state" / f"{each}.py").exists()] == []


def test_no_other_module_spells_a_key() -> None:
    spelt = [
        path.name
        for folder in ("tasks", "workers")
        for kind in ("*.py", "*.lua")
        for path in (REPOSITORY / folder).rglob(kind)
        if "'connector:" in path.read_text() or '"connector:' in path.read_text()
    ]

    assert spelt == ["keys.py"]


def test_every_server_of_a_test_is_checked() -> None:
    own = {REPOSITORY / "tests" / name for name in ("support/redis.py", "workers/sandbox/test_redis.py")}
    made = [path for path in (REPOSITORY / "tests").rglob("*.py") if "EmbeddedRedis(" in path.read_text()]

    assert set(made) - {*own, Path(__file__)} == set()


def test_a_test_fails_that_leaves_a_key_which_is_not_in_the_table(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # other plugins cost seconds
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(THREE_TESTS)

    ran = pytester.runpytest_inprocess()

    ran.assert_outcomes(passed=3, errors=1)
    ran.stdout.fnmatch_lines(["E*AssertionError: connector:unheard is not in the table of tasks/state/keys.py"])


@pytest.mark.parametrize(
    ("leave", "problem"),
    [
        (lambda redis: redis.zadd("connector:due", {"r": 1}), ""),
        (lambda redis: redis.set("queue", 1), ""),
        (lambda redis: redis.set("connector:muted:group", 1, ex=9), ""),
        (lambda redis: redis.set("connector:unheard", 1), "connector:unheard is not in the table"),
        (lambda redis: redis.set("connector:muted", 1), "connector:muted is not in the table"),
        (lambda redis: redis.zadd("connector:due:late", {"r": 1}), "connector:due:late is not in the table"),
        (lambda redis: redis.set("connector:due", 1), "connector:due is a string, and in the table a zset"),
        (lambda redis: redis.hset("connector:rate:r", "level", 1), "connector:rate:r has -1 ms to live"),
        (lambda redis: redis.set("connector:muted:group", 1, ex=9000), "connector:muted:group has"),
        (lambda redis: redis.sadd("connector:places:r", "lane"), "connector:places:r has -1 ms to live"),
        (lambda redis: redis.hset("connector:replication:r", "id", "r"), ""),
        (lambda redis: redis.hset("connector:replication:r", "ended_at", "now"), "connector:replication:r has -1 ms"),
    ],
)
def test_name_type_and_time_to_live_are_compared(redis: Any, leave: Callable[[Any], None], problem: str) -> None:
    leave(redis)

    found = list(problems(redis))
    redis.flushall()  # else this test would fail itself

    assert [each[: len(problem)] for each in found] == ([problem] if problem else [])


def test_a_key_that_stays_has_no_time_to_live(redis: Any) -> None:
    redis.hset("connector:counts", "dispatches", 1)
    redis.expire("connector:counts", 60)

    [problem] = problems(redis)
    redis.flushall()

    assert "a few entries per platform" in problem
