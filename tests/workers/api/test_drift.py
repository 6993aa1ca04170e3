"""GET /api/v1/drift and /api/v1/unmanaged."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx2

from tasks.daily import drift
from tasks.documents import DriftChange
from tasks.model.account import Account, AccountState
from tasks.model.desired import TenantId
from tasks.organization import unmanaged
from tests.workers.api.server import Api, is_problem

NOW = datetime(2026, 1, 2, 3, tzinfo=UTC)
TENANT = TenantId("likvid", "shop", "aws.sandbox")
CHANGE = DriftChange(step="move_to_ou", note="moved from a to b", calls=("organizations:move_account",))


def test_what_was_repaired_and_what_still_differs_is_shown(api: Api, http: httpx2.Client) -> None:
    drift.repaired(api.store, TENANT, "r1", CHANGE, NOW)
    [shown] = http.get("/api/v1/drift").json()["tenants"]
    assert (shown["tenant"], shown["differs"], shown["mode"]) == (str(TENANT), False, "repair")
    assert shown["changes"][0]["step"] == "move_to_ou"

    drift.settled(api.store, TENANT, "r1", daily=True)  # the end of the replication that repaired it
    assert api.store.drifts.find(TENANT) is not None
    drift.settled(api.store, TENANT, "r2", daily=True)
    assert http.get("/api/v1/drift").json() == {"tenants": []}

    drift.reported(api.store, TENANT, [CHANGE], NOW)
    drift.reported(api.store, TENANT, [CHANGE], datetime(2026, 1, 3, tzinfo=UTC))
    [shown] = http.get("/api/v1/drift", params={"platform": "aws.sandbox"}).json()["tenants"]
    assert shown["differs"]
    assert shown["since"] == "2026-01-02T03:00:00Z"
    assert http.get("/api/v1/drift", params={"platform": "aws-scim.sandbox"}).json() == {"tenants": []}
    drift.reported(api.store, TENANT, [], NOW)
    assert http.get("/api/v1/drift").json() == {"tenants": []}


def test_accounts_without_a_tenant_are_shown_and_forgotten_after_some_days(api: Api, http: httpx2.Client) -> None:
    organization = api.connector.catalog.platforms["aws.sandbox"].management_account_id
    stranger = Account("500000000001", "arn", "stranger", "s@example.com", AccountState.ACTIVE, NOW, ("ou-1", "r-1"))
    assert unmanaged.refresh(api.connector, organization, [stranger], NOW) == 1

    [shown] = http.get("/api/v1/unmanaged", params={"platform": "aws.sandbox"}).json()["accounts"]

    assert (shown["accountId"], shown["organizationalUnit"], shown["state"]) == (stranger.id, "ou-1", "ACTIVE")
    assert "aws.sandbox" in shown["platforms"]
    assert unmanaged.refresh(api.connector, organization, [], NOW + unmanaged.KEPT / 2) == 1
    assert unmanaged.refresh(api.connector, organization, [], NOW + unmanaged.KEPT) == 0
    assert http.get("/api/v1/unmanaged").json() == {"accounts": []}


def test_an_unknown_platform_is_told(http: httpx2.Client) -> None:
    for path in ("drift", "unmanaged"):
        assert "aws.sandbox" in is_problem(http.get(f"/api/v1/{path}", params={"platform": "x.y"}), 404)["detail"]
