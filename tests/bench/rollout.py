"""A changed landing zone for all tenants that have it: `aws-connector rollout` as a process, through API and workers.

python -m tests.bench.daily --tenants 200 runs it after the daily round, with the same tenants.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from signal import SIGTERM
from time import monotonic

import httpx2

from config.api_token import ApiToken
from tests.security.processes import answers, free_port
from tests.support.changed_zone import change, changed
from tests.support.cluster import Cluster
from tests.workers.cli.running import COMMAND, clean_environment

LONGEST_SECONDS = 3600
TOKEN = ApiToken.of("operator", "order+operate", "a-token")


@dataclass(frozen=True)
class Round:
    """What one run of the command cost, AssumeRole aside."""

    tenants: int
    seconds: float
    calls: int
    writes: int
    progress: list[str]  # the lines that it printed

    @property
    def cost(self) -> str:
        """Say what a tenant cost on average."""
        return f"{self.calls / self.tenants:.1f} calls, {self.writes / self.tenants:.1f} of them writes, a tenant"


def measure(cluster: Cluster, projects: list[str], zone: str) -> tuple[Round, Round]:
    """Change the landing zone, restart everything that reads it, roll it out, and then once more.

    The tenants are all those that have the zone, the first one of its document.
    """
    change(Path(cluster.environment["CONNECTOR_CONFIG_DIR"]) / "landing-zones.yaml")
    for worker in list(cluster.workers):
        cluster.kill(worker, SIGTERM)
        cluster.start_worker()
    access = _start_api(cluster)
    assert changed(cluster, projects) == set()
    first = _roll_out(cluster, zone, access)
    assert changed(cluster, projects) == set(projects)
    second = _roll_out(cluster, zone, access)
    assert (first.tenants, second.tenants, second.writes) == (len(projects), len(projects), 0)
    return first, second


def _start_api(cluster: Cluster) -> dict[str, str]:
    """Start the API; answers what a command needs to use it."""
    port = free_port()
    tokens = TOKEN.entry
    command = [sys.executable, "-m", "workers.cli", "api"]
    cluster.processes.start("api", command, {"PORT": str(port), "CONNECTOR_API_TOKENS": tokens})
    url = f"http://127.0.0.1:{port}"
    with httpx2.Client(base_url=url) as client:
        cluster.processes.wait("the API", lambda: answers(client, "/healthz"), 60)
    return {"CONNECTOR_URL": url, "CONNECTOR_TOKEN": "a-token"}


def _roll_out(cluster: Cluster, zone: str, access: dict[str, str]) -> Round:
    began, mark = monotonic(), cluster.simulator.mark()
    done = subprocess.run(
        [*COMMAND, "rollout", zone],
        env=clean_environment(**access),
        capture_output=True,
        text=True,
        timeout=LONGEST_SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"{done.stderr}\n{cluster.logs()}"
    seconds, progress = monotonic() - began, done.stdout.splitlines()
    tenants = int(progress[-1].partition(" ended")[0].split()[-1])  # "… of development: 200 of 200 ended; …"
    calls = [call for call in cluster.simulator.calls(mark) if not call.operation.startswith("AssumeRole")]
    return Round(tenants, seconds, len(calls), sum(call.write for call in calls), progress)
