"""Find and read the documents of a configuration directory: YAML (several per file) or JSON (one, or a list)."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config.mistakes import Mistake
from config.policy_document import is_policy
from config.template import is_template
from config.yaml_nodes import DEEPEST, LARGEST_FILE, UnreadableError, check_tree, compose, entries, plain

SUFFIXES = (".yaml", ".yml", ".json")
WHAT_BELONGS_HERE = "put meshPlatform and meshLandingZone documents here, as *.yaml, *.yml or *.json"
WHERE = "CONNECTOR_CONFIG_DIR"


@dataclass(frozen=True)
class YamlDocument:
    """One document as read; `number` counts from 1 inside its file."""

    file: Path
    number: int
    data: Any


def find_files(paths: Iterable[Path], mistakes: list[Mistake]) -> list[Path]:
    """List the document files in files and (not nested) directories, sorted, each once, without hidden ones."""
    found: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            inside = sorted(
                file for file in path.iterdir() if file.suffix in SUFFIXES and not file.name.startswith(".")
            )
            found |= dict.fromkeys(file for file in inside if file.is_file())
            if not inside:
                mistakes.append(Mistake(path, 0, "", None, f"the directory holds no documents; {WHAT_BELONGS_HERE}"))
        elif path.is_file():
            found[path] = None
        else:
            mistakes.append(
                Mistake(path, 0, "", None, f"does not exist; {WHAT_BELONGS_HERE}, or set {WHERE} to their directory")
            )
    return list(found)


def read_file(file: Path, mistakes: list[Mistake]) -> Iterator[YamlDocument]:
    """Yield the documents of one file and add what is wrong with it; templates and empty documents are skipped."""
    try:
        text = _text(file)
        yield from _json(file, text, mistakes) if file.suffix == ".json" else _yaml(file, text, mistakes)
    except UnreadableError as error:
        mistakes.append(Mistake(file, 0, "", None, str(error)))


def _text(file: Path) -> str:
    try:
        size = file.stat().st_size
        if size > LARGEST_FILE:
            raise UnreadableError(f"has {size} bytes; at most {LARGEST_FILE} are allowed, split it into several files")
        return file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UnreadableError(f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UnreadableError(f"is not UTF-8 text (byte {error.start + 1})") from error


def _yaml(file: Path, text: str, mistakes: list[Mistake]) -> Iterator[YamlDocument]:
    for number, root in enumerate(compose(text), start=1):
        if root is None or _is_beside(entries(root)):
            continue
        try:
            problems = list(check_tree(root))
            mistakes.extend(Mistake(file, number, "", None, problem) for problem in problems)
            if not problems and (data := plain(root)) is not None:
                yield YamlDocument(file, number, data)
        except UnreadableError as error:
            mistakes.append(Mistake(file, number, "", None, str(error)))


def _json(file: Path, text: str, mistakes: list[Mistake]) -> Iterator[YamlDocument]:
    twice: list[str] = []
    try:
        content = json.loads(text, object_pairs_hook=lambda pairs: _object(pairs, twice), parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise UnreadableError(f"line {error.lineno}, column {error.colno}: is not JSON: {error.msg}") from None
    except (RecursionError, ValueError):
        raise UnreadableError(
            f"is not JSON that can be read: a number is out of range, or it is deeper than {DEEPEST} levels"
        ) from None
    mistakes.extend(Mistake(file, 0, "", None, f"the key '{key[:80]}' appears twice in one object") for key in twice)
    for number, data in enumerate(content if isinstance(content, list) else [content], start=1):
        if not twice and not (isinstance(data, dict) and _is_beside(data)):
            yield YamlDocument(file, number, data)


def _is_beside(fields: dict[str, Any]) -> bool:
    """Tell whether the fields are those of a file that a document names: no document of ours."""
    return is_template(fields) or is_policy(fields)


def _object(pairs: list[tuple[str, Any]], twice: list[str]) -> dict[str, Any]:
    keys = [key for key, _ in pairs]
    if len(set(keys)) != len(keys):
        twice.extend(sorted({key for key in keys if keys.count(key) > 1}))
    return dict(pairs)


def _no_constant(name: str) -> None:
    raise ValueError(name)
