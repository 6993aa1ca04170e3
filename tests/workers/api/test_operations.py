"""Pause and resume, history, replication from a step, and the audit log over HTTP."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx2
import pytest

from tasks.model.call import CallRecord, Intent
from tasks.model.handles import Group, Handles
from tasks.model.replication import State, StepState
from tasks.state.audit import Trail
from tasks.state.outcome import StepRecord
from tests.workers.api.server import BODY, READ, TENANT, Api, is_problem

NAME = "likvid.shop.aws.sandbox"
PLATFORM = "/api/v1/platforms/aws.sandbox"


@pytest.fixture(autouse=True)
def ordered(http: httpx2.Client) -> str:
    return str(http.put(TENANT, json=BODY).json()["replicationId"])


def test_a_tenant_is_paused_visibly_until_it_is_resumed(api: Api, http: httpx2.Client, ordered: str) -> None:
    paused = http.post(f"{TENANT}/pause", params={"reason": "migration"})

    assert paused.status_code == 200
    assert {**paused.json(), "pausedAt": None} == {
        "name": NAME,
        "pausedAt": None,
        "pausedBy": "producer",
        "reason": "migration",
    }
    assert http.post(f"{TENANT}/pause", params={"reason": "another"}).json() == paused.json()
    assert http.get(TENANT).json()["paused"]["reason"] == "migration"
    assert http.get("/api/v1/pauses").json() == {"pauses": [paused.json()]}
    [row] = http.get("/api/v1/tenants").json()["tenants"]
    assert row["paused"] == http.get(TENANT).json()["paused"]
    assert http.put(TENANT, json={**BODY, "landingZone": "production"}).json()["replicationId"] == ordered
    assert api.store.work.pump("celery", 10, timedelta(minutes=1), timedelta(hours=1), "w1") == []

    assert http.post(f"{TENANT}/resume").status_code == 204
    assert http.get(TENANT).json()["paused"] is None
    assert "is not paused" in is_problem(http.post(f"{TENANT}/resume"), 409)["detail"]
    api.begin(ordered)


def test_the_reason_of_a_pause_may_be_a_body(http: httpx2.Client) -> None:
    for path in (TENANT, PLATFORM):
        assert http.post(f"{path}/pause", json={"reason": "moving"}).json()["reason"] == "moving"
        assert http.post(f"{path}/resume").status_code == 204
        [error] = is_problem(http.post(f"{path}/pause", json={"reson": "moving"}), 422)["errors"]
        assert error["field"] == "reson"
    assert http.get("/api/v1/pauses").json() == {"pauses": []}


@pytest.mark.parametrize(
    "path",
    ["/api/v1/landing-zones/development/rollouts", f"{TENANT}/resume", f"{TENANT}/deletion/approve"],
)
def test_a_body_that_nobody_reads_is_refused(http: httpx2.Client, path: str) -> None:
    """A rollout of one platform, said in a body, would be one of all platforms."""
    [error] = is_problem(http.post(path, json={"platform": "aws.sandbox"}), 422)["errors"]
    assert error["field"] == "body"
    assert "platform" in error["message"] or "nothing to say" in error["message"]
    assert http.post(path, json={}).status_code != 422


def test_a_platform_is_paused_with_all_its_tenants(http: httpx2.Client) -> None:
    assert http.post(f"{PLATFORM}/pause").json()["name"] == "aws.sandbox"
    assert http.get(TENANT).json()["paused"]["pausedBy"] == "producer"
    http.post(f"{TENANT}/pause", params={"reason": "its own"})
    [row] = http.get("/api/v1/tenants").json()["tenants"]
    assert row["paused"]["reason"] == "its own"
    http.post(f"{TENANT}/resume")
    [row] = http.get("/api/v1/tenants").json()["tenants"]
    assert row["paused"]["pausedBy"] == "producer"
    assert http.post(f"{PLATFORM}/resume").status_code == 204
    is_problem(http.post("/api/v1/platforms/aws.nowhere/pause"), 404)
    is_problem(http.post("/api/v1/tenants/likvid/unknown/aws.sandbox/pause"), 404)


def test_a_reason_with_control_characters_is_refused(http: httpx2.Client, ordered: str) -> None:
    for path in (TENANT, PLATFORM):
        [mistake] = is_problem(http.post(f"{path}/pause", params={"reason": "red\x1b[31m"}), 422)["errors"]
        assert "control characters" in mistake["message"]
    assert http.get("/api/v1/pauses").json() == {"pauses": []}


def test_reading_tokens_change_nothing(api: Api) -> None:
    with api.client(READ) as viewer:
        is_problem(viewer.post(f"{TENANT}/pause"), 403)
        is_problem(viewer.post(f"{PLATFORM}/resume"), 403)
        assert viewer.get("/api/v1/pauses").json() == {"pauses": []}


def test_history_names_who_asked(http: httpx2.Client, ordered: str) -> None:
    http.post(f"/api/v1/replications/{ordered}/cancel")
    again = http.post(f"{TENANT}/replications").json()["replicationId"]

    found = http.get(f"{TENANT}/replications").json()["replications"]

    assert [(each["id"], each["state"], each["requestedBy"]) for each in found] == [
        (again, "QUEUED", "producer"),
        (ordered, "CANCELLED", "producer"),
    ]
    assert len(http.get(f"{TENANT}/replications", params={"size": 1}).json()["replications"]) == 1


def test_replication_from_a_step_skips_those_before(api: Api, http: httpx2.Client, ordered: str) -> None:
    body = {"from": "deploy_access_stack"}
    [mistake] = is_problem(http.post(f"{TENANT}/replications", json=body), 422)["errors"]
    assert mistake["message"] == "needs the account, and none is known yet; retry without it"
    api.begin(ordered)
    assert api.store.work.renew(ordered, "holder", timedelta(minutes=1), Handles(account_id="111111111111"))
    api.end(ordered)

    answer = http.post(f"{TENANT}/replications", json=body)

    following = answer.json()["replicationId"]
    assert following != ordered
    steps = http.get(f"/api/v1/replications/{following}").json()["steps"]
    index = [step["name"] for step in steps].index("deploy_access_stack")
    skipped = {step["name"] for step in steps if step["note"] == "skipped: it was to begin with deploy_access_stack"}
    assert skipped == {step["name"] for step in steps[:index]} - {"withdraw_access", "tag_account"}
    assert all(step["state"] == ("CANCELLED" if step["name"] in skipped else "QUEUED") for step in steps)


def test_an_unknown_step_is_refused_with_those_that_there_are(http: httpx2.Client) -> None:
    problem = is_problem(http.post(f"{TENANT}/replications", json={"from": "make_coffee"}), 422)

    assert problem["errors"][0]["field"] == "from"
    assert "create_account, wait_for_account" in problem["errors"][0]["message"]
    is_problem(http.post(f"{TENANT}/replications", json={"form": "create_account"}), 422)


def test_the_audit_log_is_read_in_pages(api: Api, http: httpx2.Client) -> None:
    about = {"tenant": NAME, "replication": "r1", "step": "set_alias", "asked_by": "producer"}
    trail = Trail(api.store.audit, timedelta(days=1), about)
    for code in (None, "EntityAlreadyExists"):
        trail.intend(Intent("iam", "create_account_alias", "111111111111", {"AccountAlias": "likvid-shop"}))
        trail.ended(CallRecord("iam", "create_account_alias", True, "111111111111", "r-1", code, 0.1))

    first = http.get("/api/v1/audit", params={"size": 1, "tenant": NAME}).json()
    second = http.get("/api/v1/audit", params={"after": first["next"], "since": "2020-01-01T00:00:00Z"}).json()

    [entry] = first["entries"]
    assert (entry["call"], entry["askedBy"], entry["outcome"]) == ("iam:create_account_alias", "producer", "OK")
    assert entry["arguments"] == {"AccountAlias": "likvid-shop"}
    assert [each["outcome"] for each in second["entries"]] == ["EntityAlreadyExists"]
    assert second["next"] is None
    is_problem(http.get("/api/v1/audit", params={"since": "yesterday"}), 422)
    is_problem(http.get("/api/v1/audit", params={"after": "x"}), 422)


def test_a_paused_tenant_says_how_many_withdrawn_people_are_still_in(
    api: Api, http: httpx2.Client, ordered: str
) -> None:
    people = [{"username": name, "euid": f"{name}@example.com", "roles": ["admin"]} for name in ("alice", "bob")]
    http.put(TENANT, json={**BODY, "access": people})
    api.begin(ordered)
    group = Group("admin", "g-1", people=("alice@example.com", "bob@example.com"))
    assert api.store.work.renew(ordered, "holder", timedelta(minutes=1), Handles(groups={"mst-admin": group}))
    http.post(f"{TENANT}/pause")

    answer = http.put(TENANT, json={**BODY, "access": people[:1]})

    assert answer.json()["stillIn"] == 1
    shown = http.get(TENANT).json()
    assert (shown["stillIn"], shown["stillInSince"][:10]) == (1, shown["updatedAt"][:10])
    replication = http.get(f"/api/v1/replications/{shown['replicationId']}").json()
    assert shown["stillInSince"] == (replication["withdrawingSince"] or replication["requestedAt"])
    assert 'connector_withdrawn_people{platform="aws.sandbox"} 1.0' in http.get("/metrics").text
    assert http.delete(TENANT).json()["stillIn"] == 2


@pytest.mark.parametrize("how", ["cancelled", "refused"])
def test_who_could_not_be_taken_out_is_counted_until_that_has_worked(
    api: Api, http: httpx2.Client, ordered: str, how: str
) -> None:
    def counted() -> bool:
        return 'connector_withdrawn_people{platform="aws.sandbox"} 1.0' in http.get("/metrics").text

    def first_step(replication: str, state: State, **outcome: Any) -> None:
        api.begin(replication)
        step = StepState(name="withdraw_access", state=State.SUCCEEDED)
        assert api.store.work.record(replication, "holder", StepRecord(0, step, state, **outcome))

    group = Group("admin", "g-1", people=("alice@example.com",))
    first_step(ordered, State.FAILED, handles=Handles(groups={"mst-admin": group}))
    following = http.put(TENANT, json={**BODY, "access": []}).json()["replicationId"]
    replication = http.get(f"/api/v1/replications/{following}").json()
    assert replication["withdrawingSince"] == http.get(TENANT).json()["stillInSince"] is not None
    if how == "cancelled":
        http.post(f"/api/v1/replications/{following}/cancel")
    else:
        first_step(following, State.FAILED, failed=("withdraw_access",))
    assert counted()

    again = http.post(f"{TENANT}/replications").json()["replicationId"]
    first_step(again, State.RUNNING, advance=True, due=timedelta(minutes=1))

    assert not counted()
