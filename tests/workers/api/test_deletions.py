from __future__ import annotations

import httpx2
import pytest

from tasks.chain import DELETION
from tasks.model.desired import TenantId
from tasks.orders.deletion import NotPossible, decline
from tests.workers.api.server import BODY, READ, TENANT, Api, is_problem

PRODUCTION = {**BODY, "landingZone": "production"}


@pytest.fixture(autouse=True)
def ordered(http: httpx2.Client) -> None:
    assert http.put(TENANT, json=PRODUCTION).status_code == 202


def test_a_deletion_is_a_replication_of_its_own(http: httpx2.Client) -> None:
    answer = http.delete(TENANT)

    assert answer.status_code == 202
    assert [step["name"] for step in http.get(answer.headers["location"]).json()["steps"]] == [
        step.name for step in DELETION.steps
    ]
    shown = http.get(TENANT).json()
    assert shown["deletion"]["requestedBy"] == "producer"
    assert shown["deletion"]["approvedAt"] is None
    assert shown["deletedAt"] is None
    assert http.delete(TENANT).json()["replicationId"] == answer.json()["replicationId"]


def test_it_is_approved_once_and_then_cannot_be_declined(http: httpx2.Client) -> None:
    deletion = http.delete(TENANT).json()["replicationId"]

    assert http.post(f"{TENANT}/deletion/approve").json()["replicationId"] == deletion
    approved = http.get(TENANT).json()["deletion"]
    assert approved["approvedBy"] == "producer"
    assert http.post(f"{TENANT}/deletion/approve").status_code == 202
    assert http.get(TENANT).json()["deletion"] == approved
    assert "cannot be undone" in is_problem(http.post(f"{TENANT}/deletion/decline"), 409)["detail"]


def test_an_approval_that_comes_before_the_refusal_counts(api: Api, http: httpx2.Client) -> None:
    http.delete(TENANT)
    tenant = TenantId("likvid", "shop", "aws.sandbox")
    read_before = api.store.tenants.find(tenant)
    assert read_before is not None
    http.post(f"{TENANT}/deletion/approve")

    with pytest.raises(NotPossible, match="cannot be undone"):
        decline(read_before, api.connector)

    assert http.get(TENANT).json()["deletion"]["approvedBy"] == "producer"


def test_declined_or_ordered_again_it_is_withdrawn(api: Api, http: httpx2.Client) -> None:
    for method, path, body in (("POST", f"{TENANT}/deletion/decline", None), ("PUT", TENANT, PRODUCTION)):
        deletion = http.delete(TENANT).json()["replicationId"]
        api.begin(deletion)
        answer = http.request(method, path, json=body)
        assert answer.status_code == 202
        assert answer.json()["replicationId"] != deletion
        assert http.get(TENANT).json()["deletion"] is None
        api.end(deletion)
        assert http.get(f"/api/v1/replications/{deletion}").json()["state"] == "CANCELLED"


def test_there_must_be_something_to_decide_on(api: Api, http: httpx2.Client) -> None:
    for decision in ("approve", "decline"):
        is_problem(http.post(f"{TENANT}/deletion/{decision}"), 409)
        is_problem(http.post(f"/api/v1/tenants/likvid/unknown/aws.sandbox/deletion/{decision}"), 404)
    is_problem(http.delete("/api/v1/tenants/likvid/unknown/aws.sandbox"), 404)
    with api.client(READ) as reader:
        is_problem(reader.delete(TENANT), 403)
        is_problem(reader.post(f"{TENANT}/deletion/approve"), 403)
