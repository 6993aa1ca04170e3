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
CONTINUES = "It continues automatically."
NOTHING_TO_DO = "You don't need to do anything."
PARKED = f"create_account waits for a person, since {SHOWN}"
TRIED = f"create_account has been tried 2 times, since {SHOWN}, and will be retried automatically"


@pytest.mark.parametrize(
    ("state", "more", "sentences"),
    [
        (
            "SUCCEEDED",
            {},
            [
                f"{NAME} matches its order: account 500000000001. Last change: {SHOWN}.",
                "You don't need to do anything.",
            ],
        ),
        ("SUCCEEDED", {"deletedAt": AT}, [f"{NAME} has been deleted ({SHOWN}). A new order creates it again."]),
        (
            "WAITING",
            {"paused": PAUSE, "stillIn": 2},
            [
                f"{NAME} has been paused since {SHOWN} by ops: audit. Nothing runs for it.",
                f"To continue, run: aws-connector resume {NAME}; if its platform is paused, resume the platform.",
                "2 people have access that no order gives them.",
            ],
        ),
        (
            "WAITING",
            {"steps": [WAITS]},
            [
                f"{NAME} is under way: create_account waits, since {SHOWN}: {WAITS['note']}. {CONTINUES}",
            ],
        ),
        (
            "WAITING",
            {"steps": [{**WAITS, "attempts": 2, "lastError": BUSY, "deadline": AT}]},
            [
                f"{NAME} is under way: {TRIED}: Throttled: no. {BUSY['remedy']}",
                f"If it is still waiting after its deadline ({SHOWN}), it fails.",
            ],
        ),
        (
            "RUNNING",
            {"steps": [{"name": "delete_groups", "state": "RUNNING"}], "deletion": {"requestedAt": AT}},
            [f"{NAME} is being deleted: a worker runs delete_groups.", "You don't need to do anything."],
        ),
        (
            "QUEUED",
            {},
            [
                f"{NAME} is under way and waits for a worker to take it.",
                f"{NOTHING_TO_DO} If this does not change, check that workers are running: aws-connector doctor.",
            ],
        ),
        (
            "FAILED",
            {"steps": [{"name": "set_alias", "state": "FAILED", "lastError": DENIED}, SKIPPED]},
            [
                f"{NAME} failed at set_alias: AccessDenied: iam:x is not allowed. Allow it, then retry.",
                "1 step did not run because of this.",
                f"Then run: aws-connector retry {NAME}.",
            ],
        ),
        (
            "FAILED",
            {
                "steps": [
                    {"name": each, "state": "FAILED", "lastError": DENIED} for each in ("set_alias", "sync_groups")
                ]
            },
            [
                f"{NAME} failed at set_alias: AccessDenied: iam:x is not allowed. Allow it, then retry.",
                f"{NAME} failed at sync_groups for the same reason, AccessDenied.",
                f"Then run: aws-connector retry {NAME}.",
            ],
        ),
        (
            "WAITING",
            {"steps": [{**WAITS, "lastError": BUSY, "waitsFor": "PERSON"}]},
            [
                f"{NAME} is under way: {PARKED}: Throttled: no. {BUSY['remedy']}",
                f"To try at once, run: aws-connector retry {NAME}.",
            ],
        ),
        (
            "WAITING",
            {"steps": [{**WAITS, "lastError": BUSY, "waitsFor": "PERSON"}], "gate": "sign-in to x of y"},
            [
                f"{NAME} is under way: {PARKED}, with all tenants that need the sign-in to x of y: Throttled: no. "
                + BUSY["remedy"],
                f"To try at once, run: aws-connector retry {NAME}.",
            ],
        ),
        (
            "WAITING",
            {"steps": [{**WAITS, "note": "requires approval", "waitsFor": "PERSON"}]},
            [f"{NAME} is under way: {PARKED}: requires approval."],
        ),
        (
            "FAILED",
            {"lastError": DENIED},
            [
                f"The last replication of {NAME} failed: AccessDenied: iam:x is not allowed. Allow it, then retry.",
                f"Then run: aws-connector retry {NAME}.",
            ],
        ),
        (
            "CANCELLED",
            {},
            [
                f"The last replication of {NAME} was cancelled, so the account may be only partly set up.",
                f"To start it again, run: aws-connector retry {NAME}.",
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
