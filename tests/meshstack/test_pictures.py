"""The pictures in the documents show what the code says today."""

from __future__ import annotations

import pytest

from tests.meshstack.pictures import DIRECTORY, Shown, pictures, svg


@pytest.mark.parametrize(("name", "shown"), [*pictures()])
def test_a_picture_is_as_the_code_reports(name: str, shown: Shown) -> None:
    """If this fails: python -m tests.meshstack.pictures."""
    assert (DIRECTORY / f"{name}.svg").read_text(encoding="utf-8") == svg(shown)


def test_the_page_shows_every_picture() -> None:
    page = (DIRECTORY.parent / "meshstack.md").read_text(encoding="utf-8")
    shown = {f"{name}.svg" for name, _ in pictures()}
    assert {file.name for file in DIRECTORY.glob("*.svg")} == shown
    assert [name for name in shown if f"(pictures/{name})" not in page] == []
