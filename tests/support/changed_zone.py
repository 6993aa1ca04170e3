"""The landing zone "development", changed in all that it says of an account: for the test and the measurement."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tests.support.cluster import Cluster
from workers.sandbox import organization

MAPPING = "- {projectRoleRef: {kind: meshProjectRole, name: admin}, platformRole: reader, policies: []}"
CHANGES = {
    "awsTargetOrgUnitId: ou-sbox-development": "awsTargetOrgUnitId: ou-sbox-production",
    "awsRoleMappings: []": f"awsRoleMappings:\n        {MAPPING}\n     ",
    "Environment: development": "Environment: changed",
}


def change(document: Path) -> None:
    """Write other words over the first landing zone of a document: OU, role mapping, the stack's parameter."""
    text = document.read_text()
    for before, after in CHANGES.items():
        assert before in text, before
        text = text.replace(before, after, 1)
    document.write_text(text)


def changed(cluster: Cluster, projects: Iterable[str]) -> set[str]:
    """Choose the tenants, with alice as their one admin, whose accounts are as the changed landing zone wants them."""
    state = cluster.simulator.state()
    accounts = {account["name"]: account for account in state["accounts"].values()}
    stacks = {(stack["account"], stack["parameters"].get("Environment")) for stack in state["cloudformation"]}
    groups = {group["id"]: group for group in state["identity_store"]["groups"]}
    access: dict[str, list[tuple[str, str, list[str]]]] = {}
    for row in state["identity_center"]["assignments"]:
        if group := groups.get(row["PrincipalId"]):  # an assignment that outlived its group gives nobody access
            access.setdefault(row["AccountId"], []).append((group["name"], row["PermissionSetArn"], group["members"]))
    found = set()
    for project in projects:
        account = accounts[f"likvid.{project}"]
        readers = (f"mst-likvid.{project}.reader", organization.READER_PERMISSION_SET_ARN, ["alice@example.com"])
        actual = account["parent_id"], access.get(account["id"])
        if actual == (organization.PRODUCTION_OU_ID, [readers]) and (account["id"], "changed") in stacks:
            found.add(project)
    return found
