"""The command `why`: one paragraph for each way in which a tenant may stand."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.workers.cli.fake_api import FakeApi, tenant
from tests.workers.cli.running import RunHere

NAME = "likvid.shop.aws.sandbox"
AT = "2026-01-01T10:00:00Z"
DENIED = {"code": "AccessDenied", "message": "iam:x is not allowed", "remedy": "Allow it, then retry."}
BUSY = {"code": "Throttled", "message": "no", "remedy": "No action needed: the connector retries automatically."}
WAITS = {
    "name": "create_account",
    "state": "WAITING",
    "note": "waiting for account creation (3 ahead)",
    "startedAt": AT,
}
PAUSE = {"pausedAt": AT, "pausedBy": "ops", "reason": "audit"}
SKIPPED = {"name": "sync_groups", "state": "CANCELLED"}
SHOWN = "2026-01-01 10:00 UTC"
TRIED = f"create_account has been tried 2 times, since {SHOWN}, and is tried again by itself"


@pytest.mark.parametrize(
    ("state", "more", "sentences"),
    [
        (
            "SUCCEEDED",
            {},
            [
                f"{NAME} is as it was ordered: account 500000000001. It last changed {SHOWN}.",
                "Nothing is needed from you.",
            ],
        ),
        ("SUCCEEDED", {"deletedAt": AT}, [f"{NAME} is deleted, since {SHOWN}. An order creates it again."]),
        (
            "WAITING",
            {"paused": PAUSE, "stillIn": 2},
            [
                f"{NAME} is paused since {SHOWN} by ops: audit. Nothing runs for it.",
                f"To let it go on: aws-connector resume {NAME}; if its platform is paused, resume that.",
                "2 people without an order have access still.",
            ],
        ),
        (
            "WAITING",
            {"steps": [WAITS]},
            [
                f"{NAME} is under way: create_account waits, since {SHOWN}: {WAITS['note']}. It goes on by itself.",
            ],
        ),
        (
            "WAITING",
            {"steps": [{**WAITS, "attempts": 2, "lastError": BUSY, "deadline": AT}]},
            [
                f"{NAME} is under way: {TRIED}: Throttled: no. {BUSY['remedy']}",
                f"If it still waits {SHOWN}, it fails.",
            ],
        ),
        (
            "RUNNING",
            {"steps": [{"name": "delete_groups", "state": "RUNNING"}], "deletion": {"requestedAt": AT}},
            [f"{NAME} is being deleted: a worker runs delete_groups.", "Nothing is needed from you."],
        ),
        (
            "QUEUED",
            {},
            [
                f"{NAME} is under way and waits for a worker to take it.",
                "Nothing is needed from you. If it stays like this, see that workers run: aws-connector doctor.",
            ],
        ),
        (
            "FAILED",
            {"steps": [{"name": "set_alias", "state": "FAILED", "lastError": DENIED}, SKIPPED]},
            [
                f"{NAME} failed at set_alias: AccessDenied: iam:x is not allowed. Allow it, then retry.",
                "1 step did not run because of that.",
                f"Then: aws-connector retry {NAME}.",
            ],
        ),
        (
            "FAILED",
            {"lastError": DENIED},
            [
                f"The last replication of {NAME} failed: AccessDenied: iam:x is not allowed. Allow it, then retry.",
                f"Then: aws-connector retry {NAME}.",
            ],
        ),
        (
            "CANCELLED",
            {},
            [
                f"The last replication of {NAME} was cancelled, so it may be half done.",
                f"To start it again: aws-connector retry {NAME}.",
            ],
        ),
    ],
)
def test_a_paragraph(
    run_here: RunHere,
    fake_api: FakeApi,
    environment: dict[str, str],
    state: str,
    more: dict[str, Any],
    sentences: list[str],
) -> None:
    status, document = tenant(NAME, state)
    fake_api.script["GET", "/api/v1/tenants/likvid/shop/aws.sandbox"] = [(status, {**document, **more})]

    assert run_here("why", NAME, environment=environment).stdout.strip() == " ".join(sentences)
    found = json.loads(run_here("why", NAME, "--json", environment=environment).stdout)
    assert (found["tenant"], found["status"], found["why"]) == (NAME, state, sentences)
