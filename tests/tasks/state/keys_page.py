"""docs/redis.md, made of the table of keys: `python -m tests.tasks.state.keys_page > docs/redis.md`."""

from __future__ import annotations

import sys

from tasks.state.keys import TABLE, Each, Ends, Expires, Retained, RetainedOnceEnded, Row, Stays

HEAD = """# What is kept in Redis

<!-- Made by `python -m tests.tasks.state.keys_page > docs/redis.md`. -->

AWS is the truth; Redis holds what AWS cannot tell, and what all processes share. Every key of the connector begins with
`connector:` and is listed in this table, which is made of [tasks/state/keys.py](../tasks/state/keys.py). The module is
the one in `tasks/state` that owns the key, and *retention* is `CONNECTOR_RETENTION_DAYS`. After each test, every key in
its Redis is compared with the table. The broker's keys (queue, unacknowledged messages, bindings) are Celery's own.

| key | type | holds | ends | module |
|---|---|---|---|---|
"""


def page() -> str:
    """Return the page."""
    return HEAD + "".join(f"{_line(row)}\n" for row in TABLE.values())


def _line(row: Row) -> str:
    name = f"{row.name}:<{row.part}>" if isinstance(row, Each) else row.name
    return f"| `{name}` | {row.type} | {_text(row.holds)} | {_text(_ends(row.ends))} | {row.owner} |"


def _ends(ends: Ends) -> str:
    match ends:
        case Expires(after, since):
            return f"{_duration(after.total_seconds())} after {since}"
        case Retained(since):
            return f"retention after {since}"
        case RetainedOnceEnded():
            return "retention after its end; never while it is under way"
        case Stays(because):
            return f"never: {because}"


def _duration(seconds: float) -> str:
    """Write a time to live in the largest unit that fits.

    >>> _duration(60), _duration(7200)
    ('1 min', '2 h')
    """
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds % length == 0:
            return f"{seconds / length:g} {unit}"
    return f"{seconds:g} s"


def _text(words: str) -> str:
    return words.replace("->", "→")


if __name__ == "__main__":
    sys.stdout.write(page())
