"""Read YAML safely, as a tree of nodes: no objects, no duplicate keys, bounds on size, depth and aliases.

ruamel.yaml reads YAML 1.2: `yes` is a text and `012` a number. Its messages may quote the file, and so a secret;
every message here is ours and names only a line, a key or a tag.
"""

from collections.abc import Iterator
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent, DocumentStartEvent, ScalarEvent
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.parser import Parser

LARGEST_FILE = 512 * 1024
"""Bytes. A thousand landing zones fit; YAML is read at about 100 KB a second, so this bounds the start at seconds."""

DEEPEST = 40
MOST_DOCUMENTS = 2000
MOST_NODES = 50_000
"""Nodes after aliases are expanded; stops the "billion laughs"."""

_STANDARD = "tag:yaml.org,2002:"
PLAIN_TAGS = frozenset(
    _STANDARD + name for name in ("map", "seq", "str", "int", "float", "bool", "null", "merge", "timestamp")
)


class UnreadableError(ValueError):
    """Says why a text cannot be read, and in which line."""


class _BoundedParser(Parser):
    """Bounds depth and numbers while the tree is built: building recurses, and reading twice takes twice as long."""

    def __init__(self, loader: Any) -> None:
        super().__init__(loader)
        self._depth = self._values = self._documents = 0

    def get_event(self) -> Any:
        """Take the next event; raises UnreadableError when it is one too many or too deep."""
        event = super().get_event()
        if isinstance(event, CollectionStartEvent):
            self._depth += 1
        elif isinstance(event, CollectionEndEvent):
            self._depth -= 1
        self._values += isinstance(event, ScalarEvent | AliasEvent | CollectionStartEvent)
        self._documents += isinstance(event, DocumentStartEvent)
        if self._depth > DEEPEST:
            raise UnreadableError(f"line {event.start_mark.line + 1}: nested deeper than {DEEPEST} levels")
        if self._documents > MOST_DOCUMENTS:
            raise UnreadableError(f"line {event.start_mark.line + 1}: more than {MOST_DOCUMENTS} documents in one file")
        if self._values > MOST_NODES:
            raise UnreadableError(f"line {event.start_mark.line + 1}: more than {MOST_NODES} values in one file")
        return event


def compose(text: str) -> list[Any]:
    """Return the root node of every document in a text (None for an empty one). Raises UnreadableError."""
    reader = YAML(typ="safe", pure=True)
    reader.Parser = _BoundedParser
    try:
        return list(reader.compose_all(text))
    except MarkedYAMLError as error:
        raise UnreadableError(_words(error)) from None
    except YAMLError as error:
        raise UnreadableError(f"is not YAML: {type(error).__name__}") from None


def check_tree(root: Node, tags: frozenset[str] = PLAIN_TAGS) -> Iterator[str]:
    """Yield what is wrong with a tree: aliases that expand too far, a key twice, unknown tags."""
    seen: dict[int, int] = {}
    if _expanded(root, seen, set()) > MOST_NODES:
        yield f"expands to more than {MOST_NODES} values through its aliases"
        return
    for node in _all_nodes(root, set()):
        tag = str(node.tag)
        if tag not in tags:
            yield f"line {node.start_mark.line + 1}: unknown tag '{tag.removeprefix(_STANDARD)}'"
        if isinstance(node, MappingNode):
            yield from _twice(node)


def plain(node: Node) -> Any:
    """Return the value of a checked tree: dict, list, text, number, true/false or None. Raises UnreadableError."""
    try:
        reader = YAML(typ="safe", pure=True)
        return reader.constructor.construct_document(node)
    except (YAMLError, ValueError, TypeError, OverflowError):
        raise UnreadableError(
            "holds a value or a key that cannot be read, such as an impossible date or a list as a key"
        ) from None


def entries(node: Node | None) -> dict[str, Node]:
    """Return the fields of a mapping node by name; empty for anything else."""
    if not isinstance(node, MappingNode):
        return {}
    return {str(key.value): value for key, value in node.value if isinstance(key, ScalarNode)}


def _children(node: Node) -> list[Node]:
    if isinstance(node, MappingNode):
        return [child for pair in node.value for child in pair]
    return list(node.value) if isinstance(node, SequenceNode) else []


def _expanded(node: Node, sizes: dict[int, int], open_nodes: set[int]) -> int:
    """Count the nodes below and including one, an alias as often as it is used. Raises UnreadableError for a loop."""
    if id(node) in open_nodes:
        raise UnreadableError(f"line {node.start_mark.line + 1}: an alias is inside what it names")
    if id(node) not in sizes:
        open_nodes.add(id(node))
        sizes[id(node)] = 1 + sum(_expanded(child, sizes, open_nodes) for child in _children(node))
        open_nodes.remove(id(node))
    return sizes[id(node)]


def _all_nodes(node: Node, seen: set[int]) -> Iterator[Node]:
    if id(node) in seen:
        return
    seen.add(id(node))
    yield node
    for child in _children(node):
        yield from _all_nodes(child, seen)


def _twice(node: MappingNode) -> Iterator[str]:
    keys: set[str] = set()
    for key, _ in node.value:
        if not isinstance(key, ScalarNode):
            yield f"line {key.start_mark.line + 1}: a key must be a text"
        elif key.value in keys:
            yield f"line {key.start_mark.line + 1}: the key '{key.value[:80]}' appears here a second time"
        else:
            keys.add(key.value)


def _words(error: MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    where = "" if mark is None else f"line {mark.line + 1}, column {mark.column + 1}: "
    problem = str(error.problem or error.context or "cannot be read")
    if "\\t" in problem or "tab" in problem:
        return f"{where}is not YAML: indentation must be spaces, not tabs"
    return f"{where}is not YAML: {problem.split(' alias ', maxsplit=1)[0]}"
