"""Orders that name an existing account: what the API refuses at once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest

from tasks.model.handles import HANDLES, Creation, Handles
from tests.workers.api.server import BODY, TENANT, Api, is_problem
from workers.sandbox import organization

OTHER = "/api/v1/tenants/likvid/blog/aws.sandbox"
ACCOUNT, ANOTHER = "600000000001", "600000000002"


def order(http: httpx2.Client, account: Any, tenant: str = TENANT) -> httpx2.Response:
    return http.put(tenant, json={**BODY, "platformTenantId": account})


def reason(response: httpx2.Response) -> str:
    [error] = is_problem(response, 422)["errors"]
    assert error["field"] == "platformTenantId"
    return str(error["message"])


def give(api: Api, handles: Handles, tenant: str = "likvid.shop.aws.sandbox") -> None:
    """Let AWS have given a tenant something."""
    api.redis.client.hset(f"connector:tenant:{tenant}", "handles", HANDLES.dump_json(handles))


@pytest.mark.parametrize("account", ["", "1234", "12345678901a", f"{ACCOUNT}\n", f" {ACCOUNT}", 600000000001])
def test_what_is_no_account_id(http: httpx2.Client, account: Any) -> None:
    reason(order(http, account))


def test_the_platforms_own_accounts(http: httpx2.Client) -> None:
    assert "management account" in reason(order(http, organization.MANAGEMENT_ACCOUNT_ID))
    assert "automation account" in reason(order(http, organization.AUTOMATION_ACCOUNT_ID))


def test_an_account_that_another_tenant_has_or_has_ordered(api: Api, http: httpx2.Client) -> None:
    assert order(http, ACCOUNT).status_code == 202
    assert order(http, ACCOUNT).status_code == 202

    before = api.keys()
    assert "likvid.shop.aws.sandbox" in reason(order(http, ACCOUNT, OTHER))
    assert api.keys() == before  # nothing was stored

    give(api, Handles(account_id=ACCOUNT))
    assert http.put(TENANT, json=BODY).status_code == 202  # it need not be named for ever
    assert "likvid.shop.aws.sandbox" in reason(order(http, ACCOUNT, OTHER))


def test_an_order_that_was_changed_lets_the_account_go(http: httpx2.Client) -> None:
    order(http, ACCOUNT)
    assert order(http, ANOTHER).status_code == 202

    assert order(http, ACCOUNT, OTHER).status_code == 202
    reason(order(http, ACCOUNT))
    reason(order(http, ANOTHER, OTHER))


def test_the_account_of_a_tenant_that_was_deleted_is_free(api: Api, http: httpx2.Client) -> None:
    order(http, ACCOUNT)
    api.redis.client.hset("connector:tenant:likvid.shop.aws.sandbox", "deleted_at", datetime.now(UTC).isoformat())

    assert order(http, ACCOUNT, OTHER).status_code == 202


def test_a_tenants_account_never_changes(api: Api, http: httpx2.Client) -> None:
    http.put(TENANT, json=BODY)
    given = Handles(account_id=ACCOUNT)
    give(api, given)

    assert ACCOUNT in reason(order(http, ANOTHER))
    assert order(http, ACCOUNT).status_code == 202

    give(api, replace(given, account_id=None, creation=Creation(1, datetime.now(UTC), "car-1")))
    assert "too late" in reason(order(http, ANOTHER))
