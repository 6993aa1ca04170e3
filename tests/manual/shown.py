"""What pages show in blocks: fenced as yaml, or indented after an empty line. Pictures (mermaid) are left out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from functools import cached_property
from io import StringIO
from pathlib import Path
from textwrap import dedent
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import YAMLError

BLOCK = re.compile(
    r"^```(?P<kind>\w*)\n(?P<fenced>[\s\S]*?)^```$|(?<=\n\n)(?P<indented>(?: {4}[^\n]*\n|\n(?= {4}))+)", re.MULTILINE
)
PROGRAMS = {
    "aws-connector",
    ".",
    "celery",
    "curl",
    "docker",
    "export",
    "git",
    "helm",
    "honcho",
    "kubectl",
    "make",
    "sudo",
}
PROGRAMS |= {"openssl", "pip", "podman", "python", "tofu", "uv", "uvx"}
DRAWN = re.compile(r"[►◄▲▼│─┌└├]")
NAME = re.compile(r"\w+")
SETTING = re.compile(r"[A-Z][A-Z_]+=\S*")
ASSIGNED = re.compile(r"[a-z_]+=\$\(")  # in a shell
REQUEST = re.compile(r"(?:POST|GET|PUT|DELETE) /\S+")


class Kind(Enum):
    """What a block is."""

    COMMANDS = auto()
    PICTURE = auto()
    SETTINGS = auto()
    REQUEST = auto()  # HTTP: a line, headers, and bodies
    DOCUMENTS = auto()  # YAML or JSON
    TEXT = auto()  # what a program says, or code


@dataclass(frozen=True)
class Shown:
    """One block of a page."""

    page: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    @cached_property
    def kind(self) -> Kind:
        """Tell what it is."""
        lines = [line for line in self.text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
        if DRAWN.search(self.text):
            return Kind.PICTURE
        if lines[0].split()[0] in PROGRAMS or ASSIGNED.match(lines[0]):
            return Kind.COMMANDS
        if SETTING.match(lines[0]):
            return Kind.SETTINGS
        if REQUEST.match(lines[0]):
            return Kind.REQUEST
        return Kind.DOCUMENTS if self.documents else Kind.TEXT

    @property
    def documents(self) -> list[dict[str, Any]]:
        """The mappings that it shows: YAML documents, JSON objects, or ways to write the same field."""
        text = self.text
        if REQUEST.match(text):
            text = "".join(line for line in text.splitlines(keepends=True)[1:] if line[0] in "{ ")
        if re.search(r"^---$", text, re.MULTILINE) is None:
            text = re.sub(r"^(?=\{)", "---\n", text, flags=re.MULTILINE)
        try:
            return _mappings(text)
        except DuplicateKeyError:
            return [each for line in text.splitlines() for each in _mappings(line)]
        except YAMLError:
            return []


def _mappings(text: str) -> list[dict[str, Any]]:
    found = [each for each in YAML(typ="safe").load_all(StringIO(text)) if each is not None]
    named = all(isinstance(each, dict) and all(NAME.fullmatch(str(name)) for name in each) for each in found)
    return found if named else []


def shown(page: Path) -> Iterator[Shown]:
    """Yield every block of a page."""
    text = page.read_text(encoding="utf-8")
    for found in BLOCK.finditer(text):
        block = found["fenced"] if found["indented"] is None else found["indented"]
        if found["kind"] != "mermaid" and block.strip():
            yield Shown(page.name, text[: found.start()].count("\n") + 1, dedent(block).strip("\n") + "\n")
