"""A runner, a worker and the simulated AWS as processes: runs end right while processes are killed."""

from __future__ import annotations

import signal
from pathlib import Path

import httpx2
import pytest

from tests.meshstack.fake import FakeMeshStack
from tests.meshstack.faults import Seeded
from tests.meshstack.play import OUTPUTS, playing
from tests.support.waiting import eventually

FAULTS = ("401", "500", "html", "drop")


@pytest.mark.thorough
def test_runs_end_right_although_runners_and_workers_are_killed(tmp_path: Path) -> None:
    fake = FakeMeshStack(faults=Seeded(3, rate=0.04, lost=0.03, names=FAULTS))
    with playing(tmp_path, fake, runners=2) as play:
        runs = [play.queue(f"p{number}", "alice") for number in range(12)]
        eventually(lambda: sum(run.status == "IN_PROGRESS" for run in runs) >= 4)
        play.kill_runner(play.runners[0])
        play.kill_worker()
        play.cluster.start_worker()
        eventually(lambda: any(run.status == "SUCCEEDED" for run in runs))
        play.kill_runner(play.runners[0], signal.SIGTERM)
        play.start_runner()
        play.until_ended(180)
        assert list(play.wrong()) == []


def test_a_dry_run_by_a_real_worker_and_the_pages_of_the_runner(tmp_path: Path) -> None:
    with playing(tmp_path, FakeMeshStack()) as play:
        run = play.queue("shop", "alice", behavior="DETECT")
        play.until_ended(120)
        assert run.status == "SUCCEEDED", run.operators_messages
        assert run.changes_detected is True
        assert "Create account likvid.shop" in "".join(run.last_messages)
        assert play.accounts() == {}

        apply = play.fake.queue(
            run.spec["inputs"], block=run.block, outputs=OUTPUTS, predecessor=run.uuid, plan_artifact=True
        )
        play.until_ended(120)
        assert apply.status == "SUCCEEDED", apply.operators_messages

        destroy = play.queue("shop", behavior="DESTROY", block=run.block)
        play.until_ended(120)  # its landing zone needs no approval for deletions
        assert destroy.status == "SUCCEEDED", destroy.operators_messages
        log = play.runners[0].log.read_text()
        port = log.partition("port=")[2].split()[0]
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", verify=False, trust_env=False) as http:
            assert (http.get("/healthz").status_code, http.get("/healthz").text) == (200, "OK")
            assert 'runner_runs_claimed_total{runner_uuid="' in http.get("/metrics").text
            assert http.get("/").status_code == 404
        play.kill_runner(play.runners[0], signal.SIGTERM)
        assert list(play.fake.violations) == []
