"""What AWS holds for one tenant in the end, without the ids and names that differ between two tenants."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from difflib import unified_diff
from typing import Any

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
BUILT = {"CREATE_COMPLETE", "UPDATE_COMPLETE"}  # a newer order may come before the older one has made the stack
State = Mapping[str, Any]  # as GET /_simulator/state answers it


def end_state(state: State, workspace: str) -> str:
    """Return everything that AWS has of a workspace as sorted JSON; several accounts stand in it as several."""
    accounts = [account for account in state["accounts"].values() if account["name"].startswith(f"{workspace}.")]
    ids = {account["id"] for account in accounts}
    groups = {group["id"]: group for group in state["identity_store"]["groups"]}
    found = {
        "accounts": [_without(account, "id", "parent_id") for account in accounts],
        "units": [_without(each, "id") for each in state["organizational_units"].values() if each["name"] == workspace],
        "policies": _sorted(_policies(state, workspace)),
        "stacks": list(_stacks(state, ids)),
        "stack instances": list(_instances(state, ids)),
        "groups": _sorted({**group, "id": "…"} for group in groups.values() if workspace in group["name"]),
        "assignments": _sorted(_assignments(state, ids, groups)),
        "assignments under way": len(state["identity_center"]["outstanding"]),
        "SAML providers": {arn: one for arn, one in state["saml_providers"].items() if arn.split(":")[4] in ids},
        "Control Tower": [unit for account, unit in state["control_tower"]["enrolled"].items() if account in ids],
        "products": list(_products(state, ids)),
        "told by Lambda": _told(state, ids),
    }
    text = json.dumps(found, indent=1, sort_keys=True)
    for account_id in ids:
        text = text.replace(account_id, "<account>")
    return UUID.sub("<uuid>", text.replace(workspace, "<cell>"))


def difference(wanted: str, actual: str) -> str:
    """Return the lines that differ, with their surroundings."""
    return "\n".join(unified_diff(wanted.splitlines(), actual.splitlines(), "fault-free", "with fault", lineterm=""))


def _policies(state: State, workspace: str) -> Iterator[dict[str, Any]]:
    units = {unit["id"]: unit["name"] for unit in state["organizational_units"].values()}
    for policy in state["control_policies"]:
        if workspace in policy["Name"]:
            targets = [units.get(target, target) for target in policy["Targets"]]
            yield {"Name": policy["Name"], "Content": policy["Content"], "Targets": targets}


def _stacks(state: State, accounts: set[str]) -> Iterator[dict[str, Any]]:
    for stack in state["cloudformation"]:
        if stack["account"] in accounts:
            tags = dict.fromkeys(stack["tags"], "…")  # a digest
            status = "built" if stack["status"] in BUILT else stack["status"]
            yield {**stack, "stack_id": "…", "tags": tags, "status": status}


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


def _products(state: State, accounts: set[str]) -> Iterator[dict[str, Any]]:
    for product in state["service_catalog"]["provisioned"]:
        if product["account"] in accounts:
            yield {key: product[key] for key in ("name", "status", "parameters")}


def _told(state: State, accounts: set[str]) -> list[Any]:
    """What functions were told, each thing once: they are told again after an answer that was lost."""
    payloads = [payload for function in state["lambda"] for payload in function["payloads"]]
    texts = {json.dumps(payload, sort_keys=True) for payload in payloads}
    return sorted(text for text in texts if any(account in text for account in accounts))


def _without(row: Mapping[str, Any], *members: str) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in members}


def _sorted(rows: Any) -> list[Any]:
    return sorted(rows, key=lambda row: json.dumps(row, sort_keys=True))
