"""rollout against an API that answers from a script."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.support.waiting import LONG, eventually
from tests.workers.cli.fake_api import Answer, FakeApi, problem
from tests.workers.cli.running import COMMAND, RunHere

START = ("POST", "/api/v1/landing-zones/production/rollouts")
LOOK = ("GET", "/api/v1/rollouts/r1")
ERROR = {"code": "AccessDenied", "message": "no way", "requestId": "req-1", "remedy": "Publish the policy again."}


def rollout(
    *states: str,
    status: int = 200,
    refused: Mapping[str, str] | None = None,
    paused: Sequence[str] = (),
    **step: Any,
) -> Answer:
    """Make a rollout whose tenants stand in these states, each with one step."""
    return status, {
        "id": "r1",
        "landingZone": "production",
        "requestedAt": "2026-01-01T10:00:00Z",
        "ended": False,
        "states": {},
        "refused": refused or {},
        "paused": list(paused),
        "replications": [
            {
                "id": f"r{number}",
                "tenant": f"a.p{number}.aws.sandbox",
                "state": state,
                "steps": [{"name": "move_to_ou", "state": state, **step}],
                "requestedAt": "2026-01-01T10:00:00Z",
            }
            for number, state in enumerate(states)
        ],
    }


def accept(fake: FakeApi, *looks: Answer) -> None:
    fake.script[START] = [rollout("QUEUED", "QUEUED", status=202)]
    fake.script[LOOK] = list(looks)


def test_a_rollout_shows_how_many_stand_where(
    run_here: RunHere, fake_api: FakeApi, environment: dict[str, str]
) -> None:
    accept(fake_api, rollout("RUNNING", "SUCCEEDED"), rollout("SUCCEEDED", "SUCCEEDED"))

    done = run_here("rollout", "production", environment=environment)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "rollout r1 of production: 1 of 2 ended; 1 RUNNING, 1 SUCCEEDED",
        "rollout r1 of production: 2 of 2 ended; 2 SUCCEEDED",
    ]
    assert fake_api.asked == [START, LOOK, LOOK], "one request for all tenants"


def test_what_failed_is_listed_with_its_reason(
    run_here: RunHere, fake_api: FakeApi, environment: dict[str, str]
) -> None:
    accept(fake_api, rollout("SUCCEEDED", "FAILED", lastError=ERROR))

    done = run_here("rollout", "production", environment=environment)

    assert done.returncode == 3
    for part in ("a.p1.aws.sandbox", "move_to_ou", *ERROR.values()):
        assert part in done.stderr
    assert "a.p0" not in done.stderr


def test_json_has_one_line_for_each_change(run_here: RunHere, fake_api: FakeApi, environment: dict[str, str]) -> None:
    accept(fake_api, rollout("RUNNING", "SUCCEEDED"), rollout("CANCELLED", "SUCCEEDED"))

    done = run_here("rollout", "production", "--json", environment=environment)

    first, last = map(json.loads, done.stdout.splitlines())
    assert (first["ended"], first["total"], first["states"]["RUNNING"], first["failed"]) == (False, 2, 1, [])
    assert (last["ended"], [each["tenant"] for each in last["failed"]]) == (True, ["a.p0.aws.sandbox"])
    assert done.returncode == 3


def test_a_rollout_is_started_alone_or_looked_at_again(
    run_here: RunHere, fake_api: FakeApi, environment: dict[str, str]
) -> None:
    accept(fake_api, rollout("SUCCEEDED", "SUCCEEDED"))

    started = run_here("rollout", "production", "--no-wait", environment=environment)
    again = run_here("rollout", "--watch", "r1", environment=environment)

    assert (started.returncode, again.returncode) == (0, 0)
    assert "rollout r1 of production: 0 of 2 ended" in started.stdout
    assert "2 of 2 ended" in again.stdout
    assert fake_api.asked == [START, LOOK]


def test_what_cannot_be_replicated_is_said_and_does_not_stop_the_others(
    run_here: RunHere, fake_api: FakeApi, environment: dict[str, str]
) -> None:
    fake_api.script[START] = [rollout("SUCCEEDED", status=202, refused={"a.x.aws.sandbox": "an alias is too long"})]

    done = run_here("rollout", "production", environment=environment)

    assert done.returncode == 1
    assert "a.x.aws.sandbox cannot be replicated: an alias is too long" in done.stderr
    assert "1 of 1 ended" in done.stdout


def test_what_is_left_out_because_it_is_paused_is_said(
    run_here: RunHere, fake_api: FakeApi, environment: dict[str, str]
) -> None:
    fake_api.script[START] = [rollout("SUCCEEDED", status=202, paused=["a.x.aws.sandbox", "a.y.aws.sandbox"])]

    done = run_here("rollout", "production", "--json", environment=environment)

    assert done.returncode == 0
    assert "skipped, because paused: a.x.aws.sandbox, a.y.aws.sandbox; resume them" in done.stderr
    assert json.loads(done.stdout)["paused"] == ["a.x.aws.sandbox", "a.y.aws.sandbox"]


def test_wrong_names_and_wrong_usage(run_here: RunHere, fake_api: FakeApi, environment: dict[str, str]) -> None:
    fake_api.script[START] = [problem(404, "Landing zone production not found; known: development.")]

    unknown = run_here("rollout", "production", environment=environment)
    assert unknown.returncode == 1
    assert "known: development" in unknown.stderr
    for arguments in ((), ("production", "--watch", "r1"), ("--watch", "r1", "--platform", "aws.sandbox")):
        assert run_here("rollout", *arguments, environment=environment).returncode == 64


def test_interrupted_it_says_how_to_look_again(fake_api: FakeApi, environment: dict[str, str], tmp_path: Path) -> None:
    accept(fake_api, rollout("RUNNING", "QUEUED"))
    command = [*COMMAND, "rollout", "production"]
    process = subprocess.Popen(
        command, env=environment, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    eventually(lambda: LOOK in fake_api.asked)

    os.kill(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=LONG)

    assert process.returncode == 130
    assert "the rollout continues; to see it: aws-connector rollout --watch r1" in said
