"""status against an API that answers from a script."""

from __future__ import annotations

import json

import pytest

from tests.workers.cli.fake_api import FakeApi, tenant
from tests.workers.cli.running import RunHere

NAME = "a.b.aws.sandbox"
PATH = "/api/v1/tenants/a/b/aws.sandbox"
ERROR = {"code": "AccessDenied", "message": "no way", "requestId": "req-1", "remedy": "Publish the policy again."}


def test_status_of_one_tenant(run_here: RunHere, fake_api: FakeApi, environment: dict[str, str]) -> None:
    status, document = tenant(NAME, "FAILED")
    steps = [{"name": "set_alias", "state": "FAILED", "attempts": 2, "lastError": ERROR}]
    fake_api.script["GET", PATH] = [(status, {**document, "steps": steps})]
    done = run_here("status", NAME, environment=environment)
    assert done.returncode == 0
    assert "AccessDenied: no way (AWS request id req-1). Publish the policy again." in done.stdout
    assert json.loads(run_here("status", NAME, "--json", environment=environment).stdout)["accountId"] == "500000000001"
    assert run_here("status", NAME, "--watch", environment=environment).returncode == 3


def test_status_of_all(run_here: RunHere, fake_api: FakeApi, environment: dict[str, str]) -> None:
    page = {"number": 0, "size": 500, "totalElements": 1, "totalPages": 1}
    answer = (200, {"tenants": [tenant(NAME, "WAITING", None)[1]], "page": page})
    fake_api.script["GET", "/api/v1/tenants?page=0&size=500"] = [answer]
    fake_api.script["GET", "/api/v1/tenants?status=WAITING&page=0&size=500"] = [answer]
    matter = {
        "kind": "FAILED",
        "what": "AccessDenied: not allowed",
        "remedy": "Give the role its policy.",
        "number": 12,
        "tenants": [NAME],
    }
    overview = {
        "at": "2026-05-01T10:00:00Z",
        "needs": [matter],
        "underWay": [{"state": "PARKED", "number": 2, "since": "2026-05-01T09:00:00Z"}],
        "limits": [
            {"name": "account creations", "places": 5, "taken": 5, "waiting": 7, "waitingSince": None, "slowed": 0.5}
        ],
        "machinery": {"workers": 2, "queued": 0, "lateSeconds": 9.4, "beatAt": None},
        "tenants": {"WAITING": 1},
        "drifted": 1,
        "unmanaged": 0,
    }
    fake_api.script["GET", "/api/v1/overview"] = [(200, overview)]
    said = run_here("status", environment=environment).stdout
    assert f"{NAME}  development   -        WAITING" in said
    assert (
        f"Needs a person\n  AccessDenied: not allowed\n    Give the role its policy.\n    {NAME} and 11 more\n" in said
    )
    assert "2 wait for a person, the oldest was ordered 2026-05-01 09:00 UTC" in said
    assert "account creations: 5 of 5 in use, 7 waiting, throttled to 50%" in said
    assert "2, 9 s behind" in said
    assert "1 tenant\n" in said
    done = run_here("status", "--json", "--state", "waiting", environment=environment)
    assert [row["tenant"] for row in json.loads(done.stdout)] == [NAME]
    assert run_here("status", "--state", "odd", environment=environment).returncode == 64


@pytest.mark.parametrize(
    ("held", "words"),
    [("PARKED", "needs a person"), ("APPROVAL", "needs approval"), ("PAUSED", "WAITING, paused"), (None, "WAITING")],
)
def test_what_a_person_holds_up_is_said_in_the_words_of_the_page(
    run_here: RunHere, fake_api: FakeApi, environment: dict[str, str], held: str | None, words: str
) -> None:
    status, document = tenant(NAME, "WAITING")
    document = {**document, "heldBy": held}
    page = {"number": 0, "size": 500, "totalElements": 1, "totalPages": 1}
    fake_api.script["GET", PATH] = [(status, document)]
    fake_api.script["GET", "/api/v1/tenants?workspace=a&page=0&size=500"] = [
        (200, {"tenants": [document], "page": page})
    ]
    assert f"500000000001  {words}" in run_here("status", "--workspace", "a", environment=environment).stdout
    assert f"state         {words}" in run_here("status", NAME, environment=environment).stdout


def test_a_deleted_tenant_is_told_from_one_that_is_there(
    run_here: RunHere, fake_api: FakeApi, environment: dict[str, str]
) -> None:
    _, document = tenant(NAME, "SUCCEEDED")
    page = {"number": 0, "size": 500, "totalElements": 1, "totalPages": 1}
    answer = (200, {"tenants": [{**document, "deleted": True}], "page": page})
    fake_api.script["GET", "/api/v1/tenants?workspace=a&page=0&size=500"] = [answer]
    assert "500000000001  DELETED" in run_here("status", "--workspace", "a", environment=environment).stdout
