"""The commands drift and unmanaged against an API that answers from a script."""

from __future__ import annotations

import json

from tests.workers.cli.fake_api import FakeApi
from tests.workers.cli.running import RunHere

AT = "2026-01-01T10:00:00Z"
DRIFT = {
    "tenants": [
        {
            "tenant": "a.b.aws.sandbox",
            "mode": "report",
            "differs": True,
            "since": AT,
            "lookedAt": AT,
            "changes": [{"step": "move_to_ou", "note": "move it", "calls": ["organizations:move_account"]}],
        }
    ]
}
ACCOUNT = {
    "accountId": "500000000001",
    "name": "stranger",
    "email": "s@example.com",
    "state": "ACTIVE",
    "firstSeen": AT,
    "lastSeen": AT,
    "managementAccountId": "111111111111",
    "platforms": ["aws.sandbox"],
}


def test_drift(run_here: RunHere, fake_api: FakeApi, environment: dict[str, str]) -> None:
    fake_api.script["GET", "/api/v1/drift"] = [(200, DRIFT)]
    shown = run_here("drift", environment=environment)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "a.b.aws.sandbox  differs" in shown.stdout
    assert "organizations:move_account" in shown.stdout
    assert json.loads(run_here("drift", "--json", environment=environment).stdout)["tenants"][0]["differs"] is True

    fake_api.script["GET", "/api/v1/drift"] = [(200, {"tenants": []})]
    assert run_here("drift", environment=environment).stdout == "no tenant differs\n"


def test_unmanaged(run_here: RunHere, fake_api: FakeApi, environment: dict[str, str]) -> None:
    fake_api.script["GET", "/api/v1/unmanaged?platform=aws.sandbox"] = [(200, {"accounts": [ACCOUNT]})]
    arguments = ("unmanaged", "--platform", "aws.sandbox")
    assert "500000000001  stranger" in run_here(*arguments, environment=environment).stdout
    as_json = run_here(*arguments, "--json", environment=environment).stdout
    assert json.loads(as_json)["accounts"][0]["name"] == "stranger"
