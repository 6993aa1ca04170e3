"""Plans over HTTP: asked by POST, made by a worker, shown by GET; nothing is stored."""

from __future__ import annotations

import json

import httpx2

from tasks import questions
from tasks.connector import Connector
from tasks.questions import kinds
from tests.workers.api.server import BODY, READ, TENANT, Api, is_problem

PLAN = f"{TENANT}/plan"
MADE = {
    "tenant": "likvid.shop.aws.sandbox",
    "chain": "replication",
    "plannedAt": "2026-01-01T10:00:00Z",
    "changes": 1,
    "errors": 0,
    "steps": [
        {
            "name": "set_alias",
            "note": "alias a set",
            "changes": [{"call": "iam:create_account_alias", "sentence": "set alias = a", "parameters": {"A": "a"}}],
        }
    ],
}


def test_a_stored_tenant_is_planned(api: Api, http: httpx2.Client) -> None:
    http.put(TENANT, json=BODY)
    asked = http.post(PLAN)
    assert (asked.status_code, asked.json()["state"]) == (202, "PENDING")
    plan = asked.json()["id"]
    assert asked.headers["location"] == f"/api/v1/plans/{plan}"
    texts = []

    def answer(_: Connector, text: str) -> object:
        texts.append(json.loads(text))
        return MADE

    assert questions.run(api.connector, f"{kinds.PLAN}.{plan}", kinds.PLAN, answer) == "DONE"

    assert texts == [{"tenant": "likvid.shop.aws.sandbox", "desired": None}]
    shown = http.get(asked.headers["location"]).json()
    assert shown["state"] == "DONE"
    assert shown["plan"]["steps"][0]["changes"][0]["sentence"] == "set alias = a"


def test_an_order_is_planned_without_being_stored(api: Api, http: httpx2.Client) -> None:
    asked = http.post(PLAN, json=BODY)

    assert asked.status_code == 202
    assert http.get(TENANT).status_code == 404
    question = json.loads(api.redis.client.hget(f"connector:question:{kinds.PLAN}.{asked.json()['id']}", "text"))
    assert question["desired"]["landingZone"] == BODY["landingZone"]


def test_what_cannot_be_ordered_is_not_planned(http: httpx2.Client) -> None:
    is_problem(http.post(PLAN), 404)
    problem = is_problem(http.post(PLAN, json={**BODY, "landingZone": "unknown"}), 422)
    assert problem["errors"][0]["field"] == "landingZone"
    is_problem(http.get("/api/v1/plans/unknown"), 404)


def test_only_who_may_write_may_ask_and_everybody_may_look(api: Api, http: httpx2.Client) -> None:
    plan = http.post(PLAN, json=BODY).json()["id"]
    with api.client(READ) as reader:
        is_problem(reader.post(PLAN, json=BODY), 403)
        assert reader.get(f"/api/v1/plans/{plan}").json()["state"] == "PENDING"
