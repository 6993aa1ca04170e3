"""Two faults for each call of a replication: CI has them, and `make faults` every fault."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.faults.matrix.choice import AT_ONCE, chosen, together
from tests.faults.matrix.end_state import difference, end_state
from tests.faults.matrix.fault import Call, Fault, Strike

REPOSITORY = Path(__file__).parents[2]
CALLS = [
    Call("organizations", operation, occurrence)
    for operation in ("ListAccounts", "CreateAccount", "DescribeAccount", "MoveAccount", "ListParents", "ListRoots")
    for occurrence in range(1, 4)
]


@pytest.mark.timeout(2400)
@pytest.mark.thorough
def test_every_call_survives_a_fault() -> None:
    # A process of its own: the matrix forks, and a process that forks should have no threads.
    command = [sys.executable, "-m", "tests.faults.matrix", "--reduced"]
    ended = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)

    assert ended.returncode == 0, f"{ended.stdout}\n{ended.stderr}"


def test_the_reduced_matrix_has_a_fault_for_each_call_and_every_fault() -> None:
    cells = list(chosen(CALLS, reduced=True))

    assert len(set(cells)) == len(cells)
    assert Counter(cell.call for cell in cells) == {call: 2 if call.write else 1 for call in CALLS}
    assert {cell.fault for cell in cells} == set(Fault)
    assert {Strike(call, Fault.KILLED_AFTER) for call in CALLS if call.write} <= set(cells)


def test_faults_in_one_replication_strike_different_calls_and_none_is_left_out() -> None:
    strikes = list(chosen(CALLS, reduced=True))
    groups = list(together(strikes))

    assert sorted(map(str, (strike for group in groups for strike in group))) == sorted(map(str, strikes))
    assert all(len({strike.call for strike in group}) == len(group) <= AT_ONCE for group in groups)
    assert all(len(group) == 1 for group in groups for strike in group if strike.fault is Fault.FROZEN)


def test_two_tenants_alike_have_the_same_end_state_and_a_second_account_shows() -> None:
    one = end_state(_state(("1", "cell0001")), "cell0001")
    other = end_state(_state(("2", "cell0002")), "cell0002")
    twice = end_state(_state(("3", "cell0003"), ("4", "cell0003")), "cell0003")

    assert difference(one, other) == ""
    assert difference(one, twice) != ""


def test_the_whole_matrix_has_every_fault_for_each_call() -> None:
    cells = list(chosen(CALLS, reduced=False))

    assert set(cells) == {each for call in CALLS for fault in Fault if (each := Strike(call, fault)).possible}


def _state(*accounts: tuple[str, str]) -> dict[str, Any]:
    """Return what the simulator shows of accounts, each with an id that stands for 12 digits and its workspace."""
    shown = [
        {"id": number * 12, "name": f"{workspace}.cell", "tags": {"of": workspace}} for number, workspace in accounts
    ]
    return {
        "accounts": {account["id"]: account for account in shown},
        "organizational_units": {},
        "control_policies": [],
        "cloudformation": [
            {"account": account["id"], "stack_id": account["id"], "tags": {}, "status": "CREATE_COMPLETE"}
            for account in shown
        ],
        "stack_sets": [],
        "identity_store": {"groups": []},
        "identity_center": {"assignments": [], "outstanding": []},
        "saml_providers": {},
        "control_tower": {"enrolled": {}},
        "service_catalog": {"provisioned": []},
        "lambda": [],
    }
