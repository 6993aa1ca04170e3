"""Control characters in a request: no name or tag in AWS may hold one, and logs and terminals must not."""

from __future__ import annotations

from collections.abc import Iterator

from config.mistakes import shown

_FORBIDDEN = frozenset(map(chr, (*range(32), *range(127, 160)))) - set("\t\n\r")
MESSAGE = "must not hold control characters"


def find_control_characters(value: object, path: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield (path, value, what is allowed) of every text in a JSON document that holds a control character.

    >>> [path for path, _, _ in find_control_characters({"a": ["good", "bad" + chr(0)]})]
    ['a[1]']
    """
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from find_control_characters(name, path)
            yield from find_control_characters(inner, f"{path}.{name}".removeprefix("."))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from find_control_characters(inner, f"{path}[{index}]")
    elif isinstance(value, str) and not _FORBIDDEN.isdisjoint(value):
        yield path, shown(value), MESSAGE
