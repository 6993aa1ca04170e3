"""docs/metrics.md names every metric that our processes show, with its labels, and no other."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from tests.monitoring.exposed import OF_PROMETHEUS, Series

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"
ROW = re.compile(r"^\| (?P<names>`[^|]+) \| (?P<type>[^|]+) \|(?P<labels>[^|]*)\| [^|]+\|$", re.MULTILINE)


def documented() -> dict[str, set[str]]:
    """Return the labels of each metric of the page."""
    found: dict[str, set[str]] = {}
    for row in ROW.finditer(PAGE.read_text()):
        ending = "_count" if row["type"].startswith("histogram") else ""
        for name in re.findall(r"`(\w+)`", row["names"]):
            found[name + ending] = set(re.findall(r"\w+", row["labels"]))
    return found


def test_the_page_names_every_metric_with_its_labels(shown: Mapping[str, Series]) -> None:
    parts = ("_bucket", "_sum")
    ours = {name: each for name, each in shown.items() if name.startswith(("connector_", "runner_"))}
    assert documented() == {
        name: set(each.labels - OF_PROMETHEUS) for name, each in ours.items() if not name.endswith(parts)
    }
