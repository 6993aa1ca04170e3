"""Costs of a small organization add up, however often their collection dies, in both databases the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.proof.organization import Size
from tests.proof.running import run

SMALL = Size(accounts=20, services=12, lines=5, months=3, commitments=4, page_rows=1500, killed_months=1)


@pytest.mark.thorough
def test_costs_add_up_whatever_dies_and_are_the_same_bytes_in_both_databases(tmp_path: Path) -> None:
    found = run(SMALL, tmp_path)

    assert (found.months, found.kills >= found.pages / found.months) == (3, True)
    assert found.rows > 8000
    assert found.bytes > 100_000
