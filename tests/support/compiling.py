"""The tests' bytecode, written once: else each worker of xdist would compile all that has changed, at the same time."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
KINDS = ("conftest.py", "test_*.py")  # which pytest compiles in its own way
ENDING = f".{sys.implementation.cache_tag}-pytest-{pytest.__version__}.pyc"


def compile_changed() -> None:
    """Import the tests that have no bytecode as new as they are; whatever they import is compiled, too."""
    for name in [] if sys.dont_write_bytecode else changed():
        with suppress(Exception):  # the collection will tell
            import_module(name)


def changed() -> Iterator[str]:
    """Name the modules of tests whose bytecode is missing or older than they are."""
    for path in sorted(each for kind in KINDS for each in TESTS.rglob(kind)):
        compiled = path.parent / "__pycache__" / f"{path.stem}{ENDING}"
        if not compiled.exists() or compiled.stat().st_mtime < path.stat().st_mtime:
            yield ".".join((TESTS.name, *path.relative_to(TESTS).with_suffix("").parts))
