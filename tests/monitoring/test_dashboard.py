"""The dashboard that we give away: whole, on no host of ours, and every query names a metric that exists."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.monitoring.exposed import Series
from tests.monitoring.queries import labels_of, names_in, problems
from tests.monitoring.test_alerts import rules
from workers.examples import EXAMPLES

TEXT = (EXAMPLES / "grafana-dashboard.json").read_text(encoding="utf-8")
DASHBOARD: dict[str, Any] = json.loads(TEXT)
PANELS: list[dict[str, Any]] = [each for each in DASHBOARD["panels"] if each["type"] != "row"]
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
WIDTH = 24  # columns of Grafana's grid
ORDER = [  # as on the page of the connector
    "What needs a person",
    "What is under way",
    "AWS's limits",
    "Workers and queue",
    "Beat and the daily round",
    "Drift",
    "Costs",
    "meshStack",
]


def queries(panel: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield each query, with values in place of Grafana's variables, and its legend."""
    for target in panel["targets"]:
        query = target["expr"].replace("$platform", ".*").replace("$__rate_interval", "5m")
        yield query, target["legendFormat"]


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_a_panel_asks_for_what_our_processes_show(panel: dict[str, Any], shown: Mapping[str, Series]) -> None:
    for query, legend in queries(panel):
        assert problems(query, shown) == []
        assert set(re.findall(r"{{(\w+)}}", legend)) <= labels_of(query, shown)
    assert panel["datasource"] == SOURCE
    assert [each["datasource"] for each in panel["targets"]] == [SOURCE] * len(panel["targets"])
    assert len({each["refId"] for each in panel["targets"]}) == len(panel["targets"])
    assert panel["fieldConfig"]["defaults"]["unit"]


def test_the_questions_come_in_the_order_of_the_page() -> None:
    assert [each["title"] for each in DASHBOARD["panels"] if each["type"] == "row"] == ORDER


def test_nothing_lies_on_anything_else() -> None:
    ids = [each["id"] for each in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)
    places = [each["gridPos"] for each in DASHBOARD["panels"]]
    assert all(each["x"] + each["w"] <= WIDTH for each in places)
    assert not [pair for pair in combinations(places, 2) if _overlap(*pair)]


def _overlap(one: dict[str, int], other: dict[str, int]) -> bool:
    return all(
        one[start] < other[start] + other[length] and other[start] < one[start] + one[length]
        for start, length in (("x", "w"), ("y", "h"))
    )


def test_it_names_no_host_and_whatever_varies_is_chosen() -> None:
    assert not re.findall(r"https?://|\blocalhost\b|\d+\.\d+\.\d+\.\d+", TEXT)
    chosen = {each["name"] for each in DASHBOARD["templating"]["list"]}
    assert set(re.findall(r"\$\{?(\w+)", TEXT)) - {"__rate_interval", "__all"} == chosen
    assert (DASHBOARD["uid"], DASHBOARD.get("id")) == ("meshstack-aws-connector", None)


def test_what_an_alert_watches_is_on_the_dashboard(shown: Mapping[str, Series]) -> None:
    watched = {name for rule in rules() for name in names_in(rule["expr"])}
    drawn = {name for panel in PANELS for query, _ in queries(panel) for name in names_in(query)}
    assert {_metric(name) for name in watched} <= {_metric(name) for name in drawn}


def _metric(name: str) -> str:
    return re.sub("_(bucket|count|sum)$", "", name)


def test_it_is_ready_to_be_provisioned() -> None:
    provider = YAML(typ="safe").load(EXAMPLES / "grafana-provider.yml")
    assert provider["apiVersion"] == 1
    assert [each["type"] for each in provider["providers"]] == ["file"]
