"""Who may be where, by what AWS has: assignments by the members of their groups, and federated roles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tasks.names import TENANT_TAG
from tests.properties.model import POLICIES, Access
from workers.sandbox import organization

State = Mapping[str, Any]  # as GET /_simulator/state answers it
FEDERATED = frozenset(role for roles in POLICIES.values() for role in roles)
OWN = frozenset(
    {organization.MANAGEMENT_ACCOUNT_ID, organization.MESHCLOUD_ACCOUNT_ID, organization.AUTOMATION_ACCOUNT_ID}
)


def people_by_account(state: State) -> dict[str, set[Access]]:
    """Return who may do what in each account; nobody is in an account that is closed."""
    members = {group["id"]: group["members"] for group in state["identity_store"]["groups"]}
    found: dict[str, set[Access]] = {
        account["id"]: set(_federated(account))
        for account in state["accounts"].values()
        if account["state"] == "ACTIVE" and account["id"] not in OWN
    }
    for row in state["identity_center"]["assignments"]:
        people = members.get(row["PrincipalId"], ())
        found.get(row["AccountId"], set()).update((who, row["PermissionSetArn"]) for who in people)
    return found


def accounts_of(state: State, tenant: str) -> list[str]:
    """Return the accounts that carry a tenant's tag and are not closed."""
    accounts = state["accounts"].values()
    return [each["id"] for each in accounts if each["state"] == "ACTIVE" and each["tags"].get(TENANT_TAG) == tenant]


def _federated(account: Mapping[str, Any]) -> set[Access]:
    return {
        (f"federated {role}", arn.rpartition("/")[2])
        for role, arns in account["role_policies"].items()
        for arn in arns
        if role in FEDERATED
    }
