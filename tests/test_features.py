"""docs/features.md tells the truth: every row names a module and a test that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tasks.chain import DELETION, REPLICATION

REPOSITORY = Path(__file__).parents[1]
ROWS = 125
ROW = re.compile(r"\| (\d+) \| (.+?) \| (.+?) \| (?:\[(.+?)\]\(\.\./(.+?)\))? \| (?:`(.+?)::(.+?)`)? \|")
STATES = {"yes", "partly", "to come: API", "to come: costs", "to come: import"}
LINES = [
    line for line in (REPOSITORY / "docs" / "features.md").read_text("utf-8").splitlines() if re.match(r"\| \d", line)
]


def test_every_feature_has_one_row() -> None:
    assert [int(line.split("|")[1]) for line in LINES] == list(range(1, ROWS + 1))


@pytest.mark.parametrize("line", LINES, ids=[line.split("|")[1].strip() for line in LINES])
def test_module_and_test_exist(line: str) -> None:
    match = ROW.fullmatch(line)
    assert match is not None, line
    _, _, state, shown, module, file, test = match.groups()
    assert state in STATES
    assert (module is not None, file is not None) == ((False, False) if state.startswith("to come") else (True, True))
    if module is not None:
        assert shown == module
        assert (REPOSITORY / module).is_file(), module
        assert re.search(rf"^def {test}\(", (REPOSITORY / file).read_text("utf-8"), re.MULTILINE), test


def test_tags_and_alias_come_before_whatever_takes_long() -> None:
    names = [step.name for step in REPLICATION.steps]
    early = {"tag_account", "move_to_ou", "set_alias"}
    late = {"enroll_in_control_tower", "deploy_access_stack", "deploy_stack_instances", "wait_for_vending"}
    assert max(map(names.index, early)) < min(map(names.index, late))


def test_a_group_that_cannot_be_deleted_keeps_no_account_open() -> None:
    assert set(DELETION.unreachable(["delete_groups"])) == {"report_deletion"}
