"""The manual as a site: every page is in it once, and nothing on it comes from another server."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.manual.site import BIN, DOCS, LINK, build, pages, prepare, project


def test_the_navigation_leads_to_every_page_once() -> None:
    assert sorted(pages(project()["nav"])) == sorted(["index.md", *(each.name for each in DOCS.glob("*.md"))])


def test_no_link_leads_out_of_the_site(tmp_path: Path) -> None:
    made = tmp_path / "manual"
    prepare(made)
    for page in made.glob("*.md"):
        for found in LINK.finditer(page.read_text()):
            target = found["target"].partition("#")[0]
            if target and "://" not in target and "`" not in found[0]:
                assert (page.parent / target).exists(), f"{page.name}: {target}"
                assert (page.parent / target).resolve().is_relative_to(made), f"{page.name}: {target}"


def test_the_site_is_built_strictly_and_loads_nothing_from_elsewhere() -> None:
    if not (BIN / "zensical").exists():
        pytest.skip("zensical is not installed: run `make manual`")
    built = build()

    written = {each.name for each in built.glob("*.html")} - {"404.html"}
    assert written == {Path(each).with_suffix(".html").name for each in pages(project()["nav"])}
    loaded = re.compile(r"<(?:script|img|link)[^>]*(?:src|href)=\"?(?:https?:)?//[^>]*>")
    for page in built.glob("*.html"):
        assert [each for each in loaded.findall(page.read_text()) if "canonical" not in each] == [], page.name
