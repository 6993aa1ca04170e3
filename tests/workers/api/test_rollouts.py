from __future__ import annotations

from typing import Any

import httpx2

from tasks.model.desired import Desired, TenantId
from tasks.model.replication import LastError, State, StepState
from tasks.state.orders import Order
from tasks.state.outcome import StepRecord
from tests.workers.api.server import BODY, READ, Api, is_problem

ROLLOUTS = "/api/v1/landing-zones/development/rollouts"
DEVELOPMENT, PRODUCTION = Desired(landing_zone="development"), Desired(landing_zone="production")


def path(project: str, platform: str = "aws.sandbox") -> str:
    return f"/api/v1/tenants/likvid/{project}/{platform}"


def order(http: httpx2.Client, *projects: str, platform: str = "aws.sandbox", **body: Any) -> list[str]:
    """Order tenants; answers their replications."""
    answers = [http.put(path(project, platform), json={**BODY, **body}) for project in projects]
    return [answer.json()["replicationId"] for answer in answers]


def advance(api: Api, replication: str, state: State = State.RUNNING) -> None:
    """Record the first step of the replication that runs as done, or failed for good."""
    error = LastError(code="AccessDenied", message="no", remedy="allow it") if state is State.FAILED else None
    step = StepState(name="create_account", state=State.FAILED if error else State.SUCCEEDED, last_error=error)
    done = StepRecord(0, step, state, advance=state is State.RUNNING, error=error)
    assert api.store.work.record(replication, "holder", done)


def test_every_tenant_of_the_landing_zone_is_replicated(api: Api, http: httpx2.Client) -> None:
    replications = order(http, "one", "two")
    order(http, "other", landingZone="production")

    answer = http.post(ROLLOUTS)

    assert answer.status_code == 202
    body = answer.json()
    assert answer.headers["location"] == f"/api/v1/rollouts/{body['id']}"
    assert [each["id"] for each in body["replications"]] == replications, "nobody has begun: no second one"
    assert (body["landingZone"], body["states"], body["ended"]) == ("development", {"QUEUED": 2}, False)
    assert body["requestedBy"] == "producer"
    assert http.get(answer.headers["location"]).json() == body


def test_it_tells_who_failed_and_why_and_what_runs(api: Api, http: httpx2.Client) -> None:
    [failing] = order(http, "failing")
    api.begin(failing)
    order(http, "waiting")
    rollout = http.post(ROLLOUTS).json()

    advance(api, failing, State.FAILED)

    found = http.get(f"/api/v1/rollouts/{rollout['id']}").json()
    failed, waiting = found["replications"]
    assert (failed["state"], failed["steps"][0]["lastError"]["code"]) == ("FAILED", "AccessDenied")
    assert [step["name"] for step in failed["steps"]] == ["create_account"]
    assert [step["name"] for step in waiting["steps"]] == ["withdraw_access"]
    assert (found["states"], found["ended"]) == ({"FAILED": 1, "QUEUED": 1}, False)


def test_one_that_has_passed_a_step_is_replicated_once_more(api: Api, http: httpx2.Client) -> None:
    [running] = order(http, "running")
    api.begin(running)
    before = http.post(ROLLOUTS).json()["replications"]
    advance(api, running)

    after = [http.post(ROLLOUTS).json()["replications"] for _ in range(2)]

    assert [each["id"] for each in before] == [running], "its first step still runs"
    assert after[0][0]["id"] != running
    assert after[0] == after[1], "asked twice it is one"
    assert after[0][0]["requestedBy"] == "producer"


def test_tenants_that_are_deleted_are_left_alone(http: httpx2.Client) -> None:
    order(http, "gone")
    assert http.delete(path("gone")).status_code == 202

    assert http.post(ROLLOUTS).json()["replications"] == []


def test_paused_tenants_are_left_out_and_named(http: httpx2.Client) -> None:
    [running, _] = order(http, "running", "paused")
    assert http.post(f"{path('paused')}/pause").status_code == 200

    rollout = http.post(ROLLOUTS).json()

    assert [each["id"] for each in rollout["replications"]] == [running]
    assert rollout["paused"] == ["likvid.paused.aws.sandbox"]
    assert http.get(f"/api/v1/rollouts/{rollout['id']}").json() == rollout


def test_only_tenants_of_one_platform(api: Api, http: httpx2.Client) -> None:
    order(http, "here")
    api.store.orders.submit(Order(TenantId("likvid", "there", "aws.elsewhere"), DEVELOPMENT))

    here = http.post(ROLLOUTS, params={"platform": "aws.sandbox"}).json()
    everywhere = http.post(ROLLOUTS).json()

    assert [each["tenant"] for each in here["replications"]] == ["likvid.here.aws.sandbox"]
    assert [each["tenant"] for each in everywhere["replications"]] == ["likvid.here.aws.sandbox"]
    assert "unknown platform" in everywhere["refused"]["likvid.there.aws.elsewhere"]


def test_names_that_nobody_knows_and_a_token_that_may_only_read(api: Api, http: httpx2.Client) -> None:
    assert "known: " in is_problem(http.post("/api/v1/landing-zones/nowhere/rollouts"), 404)["detail"]
    assert "aws.sandbox" in is_problem(http.post(ROLLOUTS, params={"platform": "x.y"}), 404)["detail"]
    is_problem(http.get("/api/v1/rollouts/nothing"), 404)
    with api.client(READ) as reader:
        is_problem(reader.post(ROLLOUTS), 403)


def test_a_rollout_to_hundreds_of_tenants_is_one_request(api: Api, http: httpx2.Client) -> None:
    for number in range(200):
        api.store.orders.submit(Order(TenantId("likvid", f"p{number:03}", "aws.sandbox"), DEVELOPMENT))
    api.store.orders.submit(Order(TenantId("likvid", "other", "aws.sandbox"), PRODUCTION))

    rollout = http.post(ROLLOUTS).json()

    assert len(rollout["replications"]) == 200
    assert http.get(f"/api/v1/rollouts/{rollout['id']}").json()["states"] == {"QUEUED": 200}
