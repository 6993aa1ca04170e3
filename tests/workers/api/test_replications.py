from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx2
import pytest

from tasks.chain import REPLICATION
from tasks.daily import retries as daily_retries
from tasks.model.desired import TenantId
from tasks.model.handles import Handles
from tasks.model.replication import LastError, State, StepState
from tasks.state.outcome import StepRecord
from tests.workers.api.server import BODY, TENANT, Api, is_problem


@pytest.fixture
def replication(http: httpx2.Client) -> str:
    return str(http.put(TENANT, json=BODY).json()["replicationId"])


def path(replication: str) -> str:
    return f"/api/v1/replications/{replication}"


def fail(api: Api, replication: str) -> None:
    error = LastError(code="AccessDenied", message="no", request_id="r-1", remedy="Allow it.")
    step = StepState(name="create_account", state=State.FAILED, attempts=1, last_error=error)
    outcome = StepRecord(0, step, State.FAILED, handles=Handles(account_id="123456789012"), error=error)
    assert api.store.work.record(replication, "holder", outcome)


def test_a_replication_shows_every_step(api: Api, http: httpx2.Client, replication: str) -> None:
    queued = http.get(path(replication)).json()
    assert queued.keys() == {
        "id",
        "tenant",
        "state",
        "steps",
        "requestedAt",
        "requestedBy",
        "startedAt",
        "endedAt",
        "lastError",
        "accountId",
        "gate",
        "traceId",
        "withdrawingSince",
    }
    assert queued["id"] == replication
    assert queued["tenant"] == "likvid.shop.aws.sandbox"
    assert queued["state"] == "QUEUED"
    assert queued["startedAt"] is queued["endedAt"] is queued["lastError"] is queued["accountId"] is None
    assert [step["name"] for step in queued["steps"]] == [step.name for step in REPLICATION.steps]

    api.begin(replication)
    running = http.get(path(replication)).json()
    assert running["state"] == "RUNNING"
    assert datetime.fromisoformat(running["startedAt"]) >= datetime.fromisoformat(running["requestedAt"])

    fail(api, replication)
    failed = http.get(path(replication)).json()
    assert failed["state"] == "FAILED"
    assert failed["accountId"] == "123456789012"
    assert failed["endedAt"].endswith("Z")
    assert failed["lastError"] == {
        "code": "AccessDenied",
        "message": "no",
        "requestId": "r-1",
        "remedy": "Allow it.",
        "documentation": None,
    }
    assert failed["steps"][0]["state"] == "FAILED"


def test_an_unknown_replication_is_a_404(http: httpx2.Client) -> None:
    is_problem(http.get(path("0" * 32)), 404)
    is_problem(http.post(f"{path('0' * 32)}/cancel"), 404)


def test_a_queued_replication_is_cancelled_at_once(api: Api, http: httpx2.Client, replication: str) -> None:
    response = http.post(f"{path(replication)}/cancel")
    assert response.status_code == 202
    assert response.headers["location"] == path(replication)
    assert response.json()["state"] == "CANCELLED"
    assert http.get(TENANT).json()["status"] == "CANCELLED"
    assert not api.store.work.pump("celery", 10, timedelta(seconds=9), timedelta(hours=1), "w1")


def test_what_was_cancelled_is_not_tried_again_by_itself(api: Api, http: httpx2.Client, replication: str) -> None:
    tenant = TenantId("likvid", "shop", "aws.sandbox")
    daily_retries.failed(api.store, tenant, datetime.now(UTC))

    http.post(f"/api/v1/replications/{replication}/cancel").raise_for_status()

    assert api.store.retries.due(datetime.now(UTC) + timedelta(days=3), 10) == []


def test_a_running_replication_is_cancelled_after_its_call(api: Api, http: httpx2.Client, replication: str) -> None:
    api.begin(replication)
    assert http.post(f"{path(replication)}/cancel").json()["state"] == "RUNNING"
    step = StepState(name="create_account", state=State.WAITING)
    assert api.store.work.record(replication, "holder", StepRecord(0, step, State.WAITING))
    assert http.get(path(replication)).json()["state"] == "CANCELLED"


def test_an_ended_replication_cannot_be_cancelled(api: Api, http: httpx2.Client, replication: str) -> None:
    api.begin(replication)
    fail(api, replication)
    document = is_problem(http.post(f"{path(replication)}/cancel"), 409)
    assert "FAILED" in document["detail"]
