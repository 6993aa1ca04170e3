"""A platform's health over HTTP: asked by POST, answered by a worker, shown by GET."""

from __future__ import annotations

import httpx2

from config.celery import QUEUE, QUEUES
from tasks import questions
from tasks.connector import Connector
from tasks.questions import kinds
from tasks.state.questions import KEPT
from tests.workers.api.server import READ, Api, is_problem

HEALTH = "/api/v1/platforms/aws.sandbox/health"
FOUND = [
    {"check": "Redis", "level": "ok", "message": "Redis answers"},
    {"check": "workers", "level": "warning", "message": "none", "remedy": "start one"},
]
BROKEN = [*FOUND, {"check": "service user", "level": "error", "message": "no", "remedy": "correct it"}]


def answered(api: Api, answer: questions.Answer[Connector]) -> str:
    return questions.run(api.connector, f"{kinds.HEALTH}.aws.sandbox", kinds.HEALTH, answer)


def queued(api: Api) -> int:
    return api.connector.store.work.queued(*QUEUES)


def test_it_is_asked_answered_and_shown(api: Api, http: httpx2.Client) -> None:
    is_problem(http.get(HEALTH), 404)
    asked = http.post(HEALTH)
    assert (asked.status_code, asked.headers["location"]) == (202, HEALTH)
    assert (asked.json()["state"], asked.json()["healthy"], queued(api)) == ("PENDING", None, 1)
    assert http.post(HEALTH).json() == asked.json()  # while it is pending it is the same question
    assert queued(api) == 1
    assert api.redis.client.llen(QUEUE) == 0, "it stands behind every replication"

    assert answered(api, lambda _, question: FOUND if question == "aws.sandbox" else []) == "DONE"

    shown = http.get(HEALTH).json()
    assert (shown["state"], shown["healthy"], shown["findings"][1]["remedy"]) == ("DONE", True, "start one")
    assert answered(api, lambda *_: []) == "nobody waits for it"


def test_an_error_is_not_healthy_and_it_can_be_asked_again(api: Api, http: httpx2.Client) -> None:
    http.post(HEALTH)
    answered(api, lambda *_: BROKEN)
    assert http.get(HEALTH).json()["healthy"] is False

    assert http.post(HEALTH).json()["state"] == "PENDING"
    assert http.get(HEALTH).json()["findings"] == []


def test_what_cannot_be_answered_says_why(api: Api, http: httpx2.Client) -> None:
    def fails(_: Connector, platform: str) -> None:
        raise LookupError(f"platform {platform} is not here")

    http.post(HEALTH)
    assert answered(api, fails) == "FAILED"

    assert http.get(HEALTH).json()["failure"] == "LookupError: platform aws.sandbox is not here"


def test_a_message_that_nobody_takes_is_sent_again(api: Api, http: httpx2.Client) -> None:
    http.post(HEALTH)
    api.redis.client.hset(f"connector:question:{kinds.HEALTH}.aws.sandbox", "send_again_at", 0)

    http.get(HEALTH)
    http.get(HEALTH)

    assert queued(api) == 2
    assert 0 < api.redis.client.ttl(f"connector:question:{kinds.HEALTH}.aws.sandbox") <= KEPT.total_seconds()


def test_two_messages_are_answered_once(api: Api, http: httpx2.Client) -> None:
    http.post(HEALTH)
    within: list[str] = []

    answered(api, lambda *_: within.append(answered(api, lambda *_: FOUND)))

    assert within == ["another worker has it"]


def test_unknown_platforms_and_readers(api: Api, http: httpx2.Client) -> None:
    assert "aws.sandbox" in is_problem(http.get("/api/v1/platforms/azure.north/health"), 404)["detail"]
    is_problem(http.post("/api/v1/platforms/azure.north/health"), 404)
    with api.client(READ) as reader:
        is_problem(reader.post(HEALTH), 403)
