"""The alerts that we give away: each fires when it should, names what there is, and leads to its runbook."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.monitoring.exposed import Series
from tests.monitoring.played import ALERTS, Played
from tests.monitoring.queries import labels_of, problems
from tests.support.promtool import needs_promtool, promtool
from workers.examples import EXAMPLES

RULES = EXAMPLES / "prometheus-alerts.yml"
RUNBOOKS = Path(__file__).parents[2] / "docs" / "runbooks.md"
PARTS = ("Means", "See", "Do", "Do not")


def rules() -> list[dict[str, Any]]:
    [group] = YAML(typ="safe").load(RULES)["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


def sections() -> dict[str, str]:
    """Return the text of each section of the runbooks."""
    parts = re.split(r"^## (\w+)\n", RUNBOOKS.read_text(), flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_an_alert_names_what_our_processes_show(rule: dict[str, Any], shown: Mapping[str, Series]) -> None:
    assert problems(rule["expr"], shown) == []
    told = re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"])
    assert set(told) <= labels_of(rule["expr"], shown)
    assert rule["labels"]["severity"] in {"critical", "warning"}


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("connector_worker == 0", "connector_worker is no metric"),
        ('connector_paused{platform="aws.sandbox"}', "connector_paused has no label platform"),
        ('connector_open_replications{state="PARK"} > 0', "connector_open_replications has no state like PARK"),
        ("sum by (tenant) (rate(connector_step_seconds_count[5m]))", "nothing below has a label tenant to group by"),
    ],
)
def test_what_is_not_shown_is_found(query: str, problem: str, shown: Mapping[str, Series]) -> None:
    assert problems(query, shown) == [problem]


def test_every_alert_has_its_runbook_and_every_runbook_its_alert() -> None:
    assert list(sections()) == [rule["alert"] for rule in rules()], "in the same order"
    for rule in rules():
        assert rule["annotations"]["runbook_url"] == f"docs/runbooks.md#{rule['alert'].lower()}"


@pytest.mark.parametrize("text", sections().values(), ids=sections())
def test_a_runbook_says_what_it_means_where_to_look_what_to_do_and_what_not(text: str) -> None:
    assert re.findall(r"^\*\*([A-Z][a-z ]+)(?::\*\*|\*\* )", text, re.MULTILINE) == list(PARTS)


def test_every_alert_is_played() -> None:
    assert [each.alert for each in ALERTS] == [rule["alert"] for rule in rules()]
    assert all(each.silent for each in ALERTS)


@needs_promtool
def test_every_alert_fires_when_it_should_and_only_then(tmp_path: Path) -> None:
    promtool("check", "rules", str(RULES))
    plays = [play for each in ALERTS for play in (_fires(each), _silent(each))]
    (tmp_path / "tests.json").write_text(json.dumps({"rule_files": [str(RULES)], "tests": plays}))

    promtool("test", "rules", "tests.json", directory=tmp_path)


def _fires(play: Played) -> dict[str, Any]:
    [rule] = [rule for rule in rules() if rule["alert"] == play.alert]
    said = {
        "exp_labels": {**rule["labels"], **dict(re.findall(r'(\w+)="(.*?)"', play.labels))},
        "exp_annotations": {**rule["annotations"], "summary": play.summary},
    }
    return _play(play, play.fires, [said])


def _silent(play: Played) -> dict[str, Any]:
    return _play(play, play.silent, [])


def _play(play: Played, series: tuple[tuple[str, str], ...], said: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series],
        "alert_rule_test": [{"eval_time": f"{play.at}m", "alertname": play.alert, "exp_alerts": said}],
    }
