"""The body of an import, as JSON (an object or an array) or YAML (one or several documents), read into objects."""

from __future__ import annotations

import json
from typing import Any

from config.yaml_nodes import DEEPEST, LARGEST_FILE, UnreadableError, check_tree, compose, plain


class Unreadable(ValueError):
    """A body that cannot be read, or not to its end; nothing was done."""


def read_json(body: bytes) -> list[Any]:
    """Read an object or an array of objects; raises Unreadable."""
    try:
        found = json.loads(body.decode("utf-8-sig"), object_pairs_hook=_each_once, parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        raise Unreadable(f"The body is not UTF-8 text (byte {error.start + 1}).") from None
    except json.JSONDecodeError as error:
        raise Unreadable(f"The body is not JSON: {error.msg} in line {error.lineno}, column {error.colno}.") from None
    except RecursionError:
        raise Unreadable(f"The body is deeper than {DEEPEST} levels.") from None
    except ValueError as error:
        raise Unreadable(f"The body is not JSON that can be read: {error}.") from None
    return found if isinstance(found, list) else [found]


def read_yaml(body: bytes) -> list[Any]:
    """Read every document; a list in one counts as its objects. Raises Unreadable."""
    if len(body) > LARGEST_FILE:
        raise Unreadable(f"YAML may have {LARGEST_FILE} bytes at most, because it is slow to read: send this as JSON.")
    try:
        roots = [root for root in compose(body.decode("utf-8-sig")) if root is not None]
        for root in roots:
            if problems := list(check_tree(root)):
                raise Unreadable(f"The body cannot be read: {'; '.join(problems)}.")
        found = [plain(root) for root in roots]
    except UnicodeDecodeError as error:
        raise Unreadable(f"The body is not UTF-8 text (byte {error.start + 1}).") from None
    except UnreadableError as error:
        raise Unreadable(f"The body {error}.") from None
    objects = [each for part in found for each in (part if isinstance(part, list) else [part])]
    return [_jsonable(each) for each in objects if each is not None]


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice[:80]!r} appears twice in one object")
    return found


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number")


def _jsonable(value: Any) -> Any:
    """Return a value as JSON can hold it: dates become texts, as they were written."""
    if isinstance(value, dict):
        return {str(key): _jsonable(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_jsonable(each) for each in value]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
