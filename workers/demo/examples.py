"""Where the examples of the repository are: the sandbox and the demo run on them."""

from __future__ import annotations

from pathlib import Path

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


class ExampleMissing(FileNotFoundError):
    """The examples are not beside the program: it was installed without the repository."""


def example(name: str) -> Path:
    """Return the path of one example. Raises ExampleMissing."""
    path = EXAMPLES / name
    if not path.exists():
        raise ExampleMissing(f"{path} does not exist: run this command in a checkout of the repository")
    return path
