"""The documents tell the truth about the repository: its links, paths, rooms, layers and states."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.model.replication import State
from tests.bench import sizing
from tests.bench.figure import Results

REPOSITORY = Path(__file__).parents[1]
PAGES = sorted([REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md", *(REPOSITORY / "docs").glob("*.md")])
ARCHITECTURE = (REPOSITORY / "docs" / "architecture.md").read_text(encoding="utf-8")
CODE = re.compile(r"(?<=\n\n)(?: {4}[^\n]*\n+)+|^```[\s\S]*?^```$", re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)")
PATH = re.compile(r"`((?:config|docs|tasks|tests|workers)/[\w./-]+)`")
MOST_LINES = 150  # of the README


def links(page: Path) -> Iterator[str]:
    """Yield what the links of a page lead to inside the repository."""
    found = LINK.findall(CODE.sub("", page.read_text(encoding="utf-8")))
    yield from (target for target in found if not target.startswith(("https://", "http://")))


def anchors(page: Path) -> set[str]:
    """Return the names under which the headings of a page can be linked, made as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", CODE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def test_the_readme_is_short() -> None:
    assert len((REPOSITORY / "README.md").read_text(encoding="utf-8").splitlines()) <= MOST_LINES


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_path_that_a_page_names_is_there(page: Path) -> None:
    named = PATH.findall(page.read_text(encoding="utf-8"))
    assert [path for path in named if not (REPOSITORY / path).exists()] == []


def test_the_readme_leads_to_every_page() -> None:
    led_to = {(REPOSITORY / link.partition("#")[0]).resolve() for link in links(REPOSITORY / "README.md")}
    assert set(PAGES) - led_to == {REPOSITORY / "README.md"}


def test_the_architecture_knows_every_room() -> None:
    folders = [each for room in ("tasks", "workers") for each in (REPOSITORY / room).iterdir() if each.is_dir()]
    rooms = [each for each in folders if (each / "__init__.py").exists()]
    modules = [each for each in (REPOSITORY / "tasks").glob("*.py") if each.stem != "__init__"]
    lines = [f"](../{each.relative_to(REPOSITORY)})" for each in [*rooms, *modules]]
    assert [line for line in lines if line not in ARCHITECTURE] == []


def test_the_architecture_shows_the_layers_that_are_enforced() -> None:
    tools = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    [layers] = [each["layers"] for each in tools["importlinter"]["contracts"] if each.get("containers") == ["tasks"]]
    assert "\n".join(f"    {layer}" for layer in layers) in ARCHITECTURE


def test_the_graphs_have_the_states_that_there_are() -> None:
    graphs = re.findall(r"```mermaid\n(.*?)```", ARCHITECTURE, re.DOTALL)
    assert [set(re.findall(r"[A-Z]{4,}", graph)) for graph in graphs] == [set(State), set(State)]


def test_the_sizing_guide_says_what_was_measured() -> None:
    written = (REPOSITORY / "docs" / "sizing.md").read_text(encoding="utf-8")
    assert written == sizing.page(Results.read(sizing.STORED)), "make it again: see tests/bench/sizing.py"
