from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import httpx2
import pytest

from tasks.chain import REPLICATION
from tasks.model.desired import TenantId
from tasks.model.handles import Handles
from tasks.model.replication import LastError, State, StepState
from tasks.state.outcome import StepRecord
from tests.workers.api.server import BODY, TENANT, Api, is_problem, serving
from workers.api.app import create_app

SHOP = TenantId("likvid", "shop", "aws.sandbox")


def put(http: httpx2.Client, path: str = TENANT, **changes: Any) -> httpx2.Response:
    return http.put(path, json={**BODY, **changes})


def accepted(response: httpx2.Response) -> str:
    assert response.status_code == 202, response.text
    body = response.json()
    assert response.headers["location"] == f"/api/v1/replications/{body['replicationId']}"
    assert response.headers["cache-control"] == "no-store"
    return str(body["replicationId"])


def test_an_order_is_stored_and_enqueued(api: Api, http: httpx2.Client) -> None:
    response = put(http)
    replication = accepted(response)
    expected = {"tenant": "likvid.shop.aws.sandbox", "replicationId": replication, "state": "QUEUED", "stillIn": 0}
    assert response.json() == expected
    stored = api.store.tenants.find(SHOP)
    assert stored is not None
    assert stored.desired.model_dump(by_alias=True, exclude_unset=True, exclude_none=True) == BODY
    [dispatch] = api.store.work.pump("celery", 10, timedelta(seconds=9), timedelta(hours=1), "w1")
    assert (dispatch.tenant, dispatch.replication, dispatch.step) == (str(SHOP), replication, 0)


def test_the_smallest_order_is_enough(http: httpx2.Client) -> None:
    accepted(http.put(TENANT, json={"landingZone": "development"}))


def test_an_existing_account_and_a_whole_payment_method_may_be_given(http: httpx2.Client) -> None:
    payment = {"identifier": "main", "name": "Main", "expirationDate": "2031-12-31", "amount": "10", "tags": {}}
    accepted(put(http, platformTenantId="123456789012", paymentMethod=payment))
    assert http.get(TENANT).json()["desired"]["paymentMethod"] == payment


def test_the_same_content_in_flight_is_the_same_replication(api: Api, http: httpx2.Client) -> None:
    first = accepted(put(http))
    assert accepted(put(http)) == first
    api.begin(first)
    again = put(http)
    assert accepted(again) == first
    assert again.json()["state"] == "RUNNING"


def test_identical_orders_at_once_are_one_replication(api: Api) -> None:
    with api.client() as http, ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda _: accepted(put(http)), range(9)))
    assert len(set(answers)) == 1


def test_other_content_in_flight_runs_next_and_the_newest_wins(api: Api, http: httpx2.Client) -> None:
    first = accepted(put(http))
    api.begin(first)
    second = accepted(put(http, landingZone="production"))
    third = accepted(put(http, tenantPlatformNumber=8))
    assert second != first
    assert third == second
    view = http.get(TENANT).json()
    assert view["replicationId"] == first
    assert view["desired"]["tenantPlatformNumber"] == 8


def test_the_same_content_after_the_end_is_a_new_replication(http: httpx2.Client) -> None:
    first = accepted(put(http))
    http.post(f"/api/v1/replications/{first}/cancel")
    assert accepted(put(http)) != first


def test_a_tenant_shows_everything(api: Api, http: httpx2.Client) -> None:
    replication = accepted(put(http))
    before = http.get(TENANT).json()
    assert before["status"] == "QUEUED"
    assert before["accountId"] is None
    assert before["lastError"] is None
    assert [step["name"] for step in before["steps"]] == [step.name for step in REPLICATION.steps]
    assert {step["state"] for step in before["steps"]} == {"QUEUED"}

    api.begin(replication)
    handles = Handles(
        account_id="123456789012", alias="likvid-shop", organizational_unit="ou-1", sign_in_url="https://sign.in"
    )
    error = LastError(code="Throttled", message="slow down", request_id="abc", remedy="Nothing: it is tried again.")
    now = datetime.fromisoformat("2026-05-01T10:00:00+00:00")
    step = StepState(
        name="create_account", state=State.WAITING, note="asked AWS", attempts=2, started_at=now, last_error=error
    )
    outcome = StepRecord(0, step, State.WAITING, due=timedelta(seconds=5), handles=handles, error=error)
    assert api.store.work.record(replication, "holder", outcome)

    view = http.get(TENANT).json()
    assert view.keys() >= {"createdAt", "updatedAt", "workspace", "project", "platform", "landingZone"}
    assert view["tenant"] == "likvid.shop.aws.sandbox"
    assert view["status"] == "WAITING"
    assert view["accountId"] == "123456789012"
    assert view["alias"] == "likvid-shop"
    assert view["organizationalUnit"] == "ou-1"
    assert view["signInUrl"] == "https://sign.in"
    assert view["desired"]["access"][1]["euid"] == "bob@example.com"
    shown = {
        "code": "Throttled",
        "message": "slow down",
        "requestId": "abc",
        "remedy": "Nothing: it is tried again.",
        "documentation": None,
    }
    assert view["lastError"] == shown
    assert view["steps"][0] == {
        "name": "create_account",
        "state": "WAITING",
        "note": "asked AWS",
        "attempts": 2,
        "startedAt": "2026-05-01T10:00:00Z",
        "endedAt": None,
        "lastError": shown,
        "deadline": None,
        "waitsFor": None,
    }
    assert view["createdAt"].endswith("Z")


def test_a_tenant_whose_replication_is_forgotten_is_still_shown(api: Api, http: httpx2.Client) -> None:
    replication = accepted(put(http))
    api.redis.client.delete(f"connector:replication:{replication}")
    view = http.get(TENANT).json()
    assert (view["status"], view["steps"], view["lastError"]) == ("QUEUED", [], None)


@pytest.mark.parametrize(
    "path",
    [
        "likvid/other/aws.sandbox",
        "likvid.shop/aws/sandbox",  # the same text in Redis, another tenant
        "likvid/shop.aws/sandbox",
        "likvid/shop/aws",
        "likvid/shop/aws.sandbox.",
        "likvid/shop/aws.sandbox%00",
        "%2e%2e/shop/aws.sandbox",
        "%ff/%fe/%0d%0a",
    ],
)
def test_an_unknown_tenant_is_a_404(http: httpx2.Client, path: str) -> None:
    accepted(put(http))
    is_problem(http.get(f"/api/v1/tenants/{path}"), 404)
    is_problem(http.post(f"/api/v1/tenants/{path}/replications"), 404)
    is_problem(http.get(f"/api/v1/tenants/{path}/events"), 404)


def test_tenants_are_listed_with_filters_and_pages(api: Api, http: httpx2.Client) -> None:
    assert http.get("/api/v1/tenants").json() == {
        "tenants": [],
        "page": {"number": 0, "size": 50, "totalElements": 0, "totalPages": 0},
    }
    for workspace in ("alpha", "beta"):
        for project in ("one", "two", "three"):
            zone = "production" if project == "two" else "development"
            accepted(put(http, f"/api/v1/tenants/{workspace}/{project}/aws.sandbox", landingZone=zone))
    cancelled = http.get("/api/v1/tenants/beta/one/aws.sandbox").json()["replicationId"]
    http.post(f"/api/v1/replications/{cancelled}/cancel")

    def names(**query: Any) -> list[str]:
        answer = http.get("/api/v1/tenants", params=query)
        assert answer.status_code == 200, answer.text
        return [f"{row['workspace']}.{row['project']}" for row in answer.json()["tenants"]]

    everything = ["alpha.one", "alpha.three", "alpha.two", "beta.one", "beta.three", "beta.two"]
    assert names() == everything
    assert names(workspace="beta") == everything[3:]
    assert names(workspace="bet") == []
    assert names(project="two") == ["alpha.two", "beta.two"]
    assert names(workspace="beta", project="two") == ["beta.two"]
    assert names(platform="aws.sandbox", landingZone="production") == ["alpha.two", "beta.two"]
    assert names(platform="aws.other") == []
    assert names(status="CANCELLED") == ["beta.one"]
    assert names(size=4) == everything[:4]
    assert names(size=4, page=1) == everything[4:]
    assert names(size=4, page=10**30) == []
    page = http.get("/api/v1/tenants", params={"size": 4, "page": 1}).json()["page"]
    assert page == {"number": 1, "size": 4, "totalElements": 6, "totalPages": 2}
    row = http.get("/api/v1/tenants", params={"size": 1}).json()["tenants"][0]
    assert row.keys() == {
        "tenant",
        "workspace",
        "project",
        "platform",
        "landingZone",
        "status",
        "accountId",
        "updatedAt",
        "paused",
        "heldBy",
        "deleted",
    }


@pytest.mark.parametrize(
    ("query", "field"),
    [("size=0", "size"), ("size=1001", "size"), ("page=-1", "page"), ("page=x", "page"), ("status=DONE", "status")],
)
def test_a_bad_filter_is_named(http: httpx2.Client, query: str, field: str) -> None:
    document = is_problem(http.get(f"/api/v1/tenants?{query}"), 422)
    assert [error["field"] for error in document["errors"]] == [field]


def test_replicate_again(api: Api, http: httpx2.Client) -> None:
    is_problem(http.post(f"{TENANT}/replications"), 404)
    first = accepted(put(http))
    assert accepted(http.post(f"{TENANT}/replications")) == first
    http.post(f"/api/v1/replications/{first}/cancel")
    second = accepted(http.post(f"{TENANT}/replications"))
    assert second != first
    stored = api.store.tenants.find(SHOP)
    assert stored is not None
    assert stored.desired.model_dump(by_alias=True, exclude_unset=True, exclude_none=True) == BODY


def test_replicate_again_wakes_one_that_waits(api: Api, http: httpx2.Client) -> None:
    replication = accepted(put(http))
    api.begin(replication)
    step = StepState(name="create_account", state=State.WAITING)
    assert api.store.work.record(replication, "holder", StepRecord(0, step, State.WAITING, due=timedelta(hours=1)))
    assert not api.store.work.pump("celery", 10, timedelta(seconds=60), timedelta(hours=1), "w1")
    assert accepted(http.post(f"{TENANT}/replications")) == replication
    assert api.store.work.pump("celery", 10, timedelta(seconds=60), timedelta(hours=1), "w1")


def test_replicate_again_checks_what_is_stored(api: Api, http: httpx2.Client) -> None:
    replication = accepted(put(http))
    api.begin(replication)
    step = StepState(name="create_account", state=State.SUCCEEDED)
    done = StepRecord(0, step, State.SUCCEEDED, handles=Handles(doubt=None))
    assert api.store.work.record(replication, "holder", done)
    zones = {name: zone for name, zone in api.connector.catalog.landing_zones.items() if name != "development"}
    changed = replace(api.connector, catalog=replace(api.connector.catalog, landing_zones=zones))
    before = api.redis.client.hgetall("connector:tenant:likvid.shop.aws.sandbox")
    with serving(create_app(changed)) as url:
        document = is_problem(http.post(f"{url}{TENANT}/replications"), 422)
    assert [error["field"] for error in document["errors"]] == ["landingZone"]
    assert api.redis.client.hgetall("connector:tenant:likvid.shop.aws.sandbox") == before


def test_updated_is_the_last_change_of_the_tenant_and_not_of_its_order(api: Api, http: httpx2.Client) -> None:
    def updated() -> str:
        [row] = http.get("/api/v1/tenants").json()["tenants"]
        assert http.get(TENANT).json()["updatedAt"] == row["updatedAt"]
        return str(row["updatedAt"])

    replication = http.put(TENANT, json=BODY).json()["replicationId"]
    moments = [updated()]
    api.begin(replication)
    moments.append(updated())
    api.end(replication)
    moments.append(updated())
    for method, path in (
        ("POST", f"/api/v1/replications/{replication}/cancel"),
        ("PUT", TENANT),
        ("DELETE", TENANT),
        ("POST", f"{TENANT}/deletion/approve"),
    ):
        http.request(method, path, json=BODY if method == "PUT" else None).raise_for_status()
        moments.append(updated())

    assert sorted(set(moments)) == moments
