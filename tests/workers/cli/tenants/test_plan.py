"""plan against an API that answers from a script."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.workers.cli.fake_api import Answer, FakeApi, problem
from tests.workers.cli.running import RunHere

TENANT = "likvid.shop.aws.sandbox"
ASK = ("POST", "/api/v1/tenants/likvid/shop/aws.sandbox/plan")
LOOK = ("GET", "/api/v1/plans/p1")
MOVE = {"call": "organizations:move_account", "sentence": "move 1 from a to b", "parameters": {}}
LEAVE = {"call": "identitystore:delete_group", "sentence": "delete group g", "parameters": {}}
DENIED = {"code": "AccessDenied", "message": "no", "remedy": "Allow it."}
ALIAS = {"name": "set_alias", "note": "alias a is set"}
OU = {"name": "move_to_ou", "note": "moved", "changes": [MOVE, LEAVE]}
BROKEN = {"name": "deploy_access_stack", "note": "AccessDenied: no", "error": DENIED}


def view(state: str = "DONE", *steps: dict[str, Any], failure: str | None = None) -> Answer:
    """Make a plan with these steps."""
    made = {
        "tenant": TENANT,
        "chain": "replication",
        "plannedAt": "2026-01-01T10:00:00Z",
        "steps": list(steps),
        "changes": sum(len(step.get("changes", ())) for step in steps),
        "errors": sum("error" in step for step in steps),
    }
    plan = made if state == "DONE" else None
    return 200, {"id": "p1", "state": state, "askedAt": "2026-01-01T10:00:00Z", "plan": plan, "failure": failure}


def accept(fake: FakeApi, *looks: Answer) -> None:
    fake.script[ASK] = [view("PENDING")]
    fake.script[LOOK] = list(looks)


def test_changes_read_like_a_diff_and_end_with_2(
    run_here: RunHere, fake_api: FakeApi, environment: dict[str, str]
) -> None:
    accept(fake_api, view("PENDING"), view("DONE", ALIAS, OU))

    done = run_here("plan", TENANT, environment=environment)

    assert (done.returncode, done.stderr) == (2, "")
    assert done.stdout.splitlines() == [
        f"{TENANT}: 2 changes (replication)",
        "  move_to_ou",
        "    + move 1 from a to b",
        "    - delete group g",
    ]
    assert fake_api.asked == [ASK, LOOK, LOOK]


def test_nothing_ends_with_0_and_an_error_with_3(
    run_here: RunHere, fake_api: FakeApi, environment: dict[str, str]
) -> None:
    accept(fake_api, view("DONE", ALIAS))
    done = run_here("plan", TENANT, environment=environment)
    assert (done.returncode, done.stdout) == (0, f"{TENANT}: no changes (replication)\n")

    accept(fake_api, view("DONE", OU, BROKEN))
    done = run_here("plan", TENANT, "--json", environment=environment)
    assert done.returncode == 3
    [plan] = json.loads(done.stdout)
    assert plan["steps"][1]["error"]["remedy"] == "Allow it."

    accept(fake_api, view("FAILED", failure="NothingToPlan: deleted"))
    done = run_here("plan", TENANT, environment=environment)
    assert (done.returncode, done.stdout) == (3, "")
    assert "cannot be planned: NothingToPlan: deleted" in done.stderr


def test_a_file_is_planned_order_by_order(
    run_here: RunHere, fake_api: FakeApi, environment: dict[str, str], tmp_path: Path
) -> None:
    orders = tmp_path / "orders.yaml"
    orders.write_text(f"[{{tenant: {TENANT}, landingZone: a}}, {{tenant: likvid.other.aws.sandbox, landingZone: b}}]")
    accept(fake_api, view("DONE", OU))
    fake_api.script["POST", "/api/v1/tenants/likvid/other/aws.sandbox/plan"] = [problem(422, "no such landing zone")]

    done = run_here("plan", str(orders), environment=environment)

    assert done.returncode == 3
    assert "likvid.other.aws.sandbox would be refused" in done.stderr
    assert f"{TENANT}: 2 changes" in done.stdout


def test_what_is_neither_a_tenant_nor_a_file_is_wrong_usage(run_here: RunHere, environment: dict[str, str]) -> None:
    assert run_here("plan", "nothing", environment=environment).returncode == 64
    assert run_here("plan", "--nonsense", environment=environment).returncode == 64  # and not 2: there are changes
