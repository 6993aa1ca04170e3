"""Each document is composed once for a process and those that are forked from it: half of reading a catalog is that."""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from typing import Any

from config import yaml_nodes

READERS = ("config.documents", "config.policy_document", "config.template", "tasks.meshobjects.reading")
LARGEST = 65_536  # characters: what is made to hurt is larger, and not kept
_compose = yaml_nodes.compose


@lru_cache(maxsize=64)
def _composed(text: str) -> tuple[Any, ...]:
    return tuple(_compose(text))


def composed(text: str) -> list[Any]:
    """Compose a text as config/yaml_nodes.py does; nobody changes nodes but who merges mappings."""
    return _compose(text) if len(text) > LARGEST or "<<" in text else list(_composed(text))


def share_composed() -> None:
    """Have all who read documents share what is composed from the same text."""
    for name in READERS:
        setattr(import_module(name), "compose", composed)  # noqa: B010 (a module has no such attribute for mypy)
