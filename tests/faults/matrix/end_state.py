"""What AWS holds for one tenant in the end, without the ids and names that differ between two tenants."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from difflib import unified_diff
from typing import Any

from tests.faults.matrix.cell import WORKSPACE

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
State = Mapping[str, Any]  # as GET /_simulator/state answers it


def end_state(state: State, project: str) -> str:
    """Return everything that AWS has of a tenant as sorted JSON; several accounts stand in it as several."""
    name = f"{WORKSPACE}.{project}"
    accounts = [account for account in state["accounts"].values() if account["name"] == name]
    ids = {account["id"] for account in accounts}
    groups = {group["id"]: group for group in state["identity_store"]["groups"]}
    found = {
        "accounts": [{key: value for key, value in account.items() if key != "id"} for account in accounts],
        "stacks": list(_stacks(state, ids)),
        "stack instances": list(_instances(state, ids)),
        "groups": _sorted({**group, "id": "…"} for group in groups.values() if _of(group["name"], name)),
        "assignments": _sorted(_assignments(state, ids, groups)),
        "assignments under way": len(state["identity_center"]["outstanding"]),
    }
    text = json.dumps(found, indent=1, sort_keys=True)
    for account_id in ids:
        text = text.replace(account_id, "<account>")
    return UUID.sub("<uuid>", text.replace(project, "<project>"))


def difference(wanted: str, actual: str) -> str:
    """Return the lines that differ, with their surroundings."""
    return "\n".join(unified_diff(wanted.splitlines(), actual.splitlines(), "fault-free", "with fault", lineterm=""))


def _stacks(state: State, accounts: set[str]) -> Iterator[dict[str, Any]]:
    for stack in state["cloudformation"]:
        if stack["account"] in accounts:
            tags = dict.fromkeys(stack["tags"], "…")  # a digest
            yield {**stack, "stack_id": "…", "tags": tags}


def _instances(state: State, accounts: set[str]) -> Iterator[dict[str, Any]]:
    for stack_set in state["stack_sets"]:
        for instance in stack_set["instances"]:
            if instance["account"] in accounts:
                yield {**instance, "set": stack_set["name"], "operation_id": "…", "stack_id": "…"}


def _assignments(state: State, accounts: set[str], groups: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for row in state["identity_center"]["assignments"]:
        if row["AccountId"] in accounts:
            group = groups.get(row["PrincipalId"])
            yield {**row, "PrincipalId": group["name"] if group else "a group that is gone"}


def _of(group: str, tenant: str) -> bool:
    return group.startswith(f"mst-{tenant}.")


def _sorted(rows: Any) -> list[Any]:
    return sorted(rows, key=lambda row: json.dumps(row, sort_keys=True))
