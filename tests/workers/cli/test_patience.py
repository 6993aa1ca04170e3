"""A command that is silent for two seconds says what it does, on stderr, and says it once."""

from __future__ import annotations

import json

from tests.workers.cli.fake_api import FakeApi
from tests.workers.cli.running import RunHere

PLAN = "/api/v1/tenants/a/b/aws.sandbox/plan"
AT = "2026-01-01T10:00:00Z"
MADE = {"tenant": "a.b.aws.sandbox", "chain": "replication", "plannedAt": AT, "steps": [], "changes": 0, "errors": 0}
PENDING = {"id": "p1", "state": "PENDING", "askedAt": AT}


def test_a_plan_that_takes_long(fake_api: FakeApi, run_here: RunHere, environment: dict[str, str]) -> None:
    fake_api.script["POST", PLAN] = [(202, PENDING)]
    fake_api.script["GET", "/api/v1/plans/p1"] = [(200, PENDING)] * 12 + [
        (200, {**PENDING, "state": "DONE", "plan": MADE})
    ]

    ended = run_here("plan", "a.b.aws.sandbox", "--json", environment=environment)

    assert ended.stderr == "a.b.aws.sandbox: a worker is planning …\n"
    assert json.loads(ended.stdout)[0]["tenant"] == "a.b.aws.sandbox"


def test_what_is_quick_says_nothing(fake_api: FakeApi, run_here: RunHere, environment: dict[str, str]) -> None:
    fake_api.script["POST", PLAN] = [(200, {**PENDING, "state": "DONE", "plan": MADE})]

    assert run_here("plan", "a.b.aws.sandbox", environment=environment).stderr == ""
