"""Real runners and workers against the fake meshStack and the simulated AWS, while processes are killed.

A test plays it small, `python -m tests.meshstack.soak` with 200 runs.
"""

from __future__ import annotations

import random
import shutil
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from time import monotonic

from tests.meshstack.fake import CLIENT_ID, CLIENT_SECRET, FakeMeshStack
from tests.meshstack.fake_run import RUNNER_UUID, FakeRun
from tests.meshstack.inputs import people, value
from tests.meshstack.transport import over_http
from tests.security.processes import free_port
from tests.support.cluster import BRISK, CONFIG_DIR, QUICK, Cluster, running_cluster
from workers.demo.supervisor import Child
from workers.sandbox.aws.options import SimulatorOptions

OUTPUTS = frozenset({"accountId", "signInUrl"})
DOCUMENT = """
kind: connectorRunner
apiVersion: v1
metadata: {name: default}
spec:
  inputs: {tenantUuid: tenantUuid}
  outputs: {accountId: accountId, signInUrl: signInUrl}
"""
FORGOTTEN_SECONDS = 15.0  # after which meshStack hands out a run again that nobody has reported; we do every 10


@dataclass
class Play:
    """Everything that runs, and what was done to it."""

    fake: FakeMeshStack
    cluster: Cluster
    environment: dict[str, str]
    runners: list[Child] = field(default_factory=list)
    kills: Counter[str] = field(default_factory=Counter)
    started: int = 0
    to_abort: list[FakeRun] = field(default_factory=list)  # once they are in progress
    chance: random.Random = field(default_factory=lambda: random.Random(7))

    def start_runner(self) -> Child:
        self.started += 1
        self.fake.processes += 1
        extra = {**self.environment, "CONNECTOR_RUNNER_PORT": str(free_port())}
        child = self.cluster.start(f"runner{self.started}", ["workers.cli", "runner"], extra)
        self.runners.append(child)
        return child

    def kill_runner(self, child: Child, number: signal.Signals = signal.SIGKILL) -> None:
        self.kills[f"runner {number.name}"] += 1
        self.runners.remove(child)
        self.cluster.processes.children.remove(child)
        child.process.send_signal(number)
        child.process.wait(60)

    def kill_worker(self) -> None:
        self.kills["worker SIGKILL"] += 1
        self.cluster.kill(self.chance.choice(self.cluster.workers))

    def queue(self, project: str, *names: str, behavior: str = "APPLY", block: str | None = None) -> FakeRun:
        inputs = [
            value("workspace", "likvid"),
            value("project", project),
            value("platform", "aws.sandbox"),
            value("tenantUuid", f"uuid-of-{project}"),
            value("users", people(*names), "CODE"),
        ]
        return self.fake.queue(
            inputs,
            behavior=behavior,
            block=block,
            outputs=OUTPUTS,
            projectIdentifier=project,
            fullPlatformIdentifier="aws.sandbox",
        )

    def until_ended(self, seconds: float, kill_every: float | None = None) -> None:
        """Wait until every run has ended, and kill processes meanwhile."""
        deadline, pause = monotonic() + seconds, Event()
        next_kill = None if kill_every is None else monotonic() + kill_every
        while not self.fake.ended():
            if monotonic() > deadline:
                open_runs = [run for run in self.fake.runs.values() if run.status in ("QUEUED", "IN_PROGRESS")]
                raise AssertionError(f"{len(open_runs)} runs had not ended: {open_runs[:2]}\n{self.logs()}")
            if kill_every is not None and next_kill is not None and monotonic() >= next_kill:
                self.disturb()
                next_kill = monotonic() + kill_every
                self.abort_one()
            pause.wait(0.05)

    def abort_one(self) -> None:
        """Abort one of those that are to be, at once or by the next report."""
        run = next((each for each in self.to_abort if each.status == "IN_PROGRESS"), None)
        if run is not None:
            self.to_abort.remove(run)
            self.fake.abort(run, at_once=self.chance.random() < 0.5)

    def disturb(self) -> None:
        """Do one of the things that happen: a process dies, tokens end, meshStack hands out a run again."""
        match self.chance.choice(("runner", "worker", "worker", "runner", "term", "tokens", "again")):
            case "runner":
                self.kill_runner(self.chance.choice(self.runners))
                self.start_runner()
            case "term":
                self.kill_runner(self.chance.choice(self.runners), signal.SIGTERM)
                self.start_runner()
            case "worker":
                self.kill_worker()
                name = f"again{self.kills['worker SIGKILL']}"
                command = ["celery", "-A", "workers.app", "worker", "-n", f"{name}@test"]
                self.cluster.workers.append(self.cluster.start(name, command))
            case "tokens":
                self.kills["tokens"] += 1
                self.fake.expire_tokens()
            case "again":
                running = [run for run in self.fake.runs.values() if run.status == "IN_PROGRESS"]
                if running:
                    self.kills["handed out again"] += 1
                    self.fake.queue_again(self.chance.choice(running))

    def wrong(self) -> Iterator[str]:
        """Yield what is not as it must be."""
        yield from self.fake.violations
        accounts = self.accounts()
        for run in self.fake.runs.values():
            project = run.spec["inputs"][1]["value"]
            number = len(accounts.get(project, []))
            if run.status == "ABORTED":
                if number > 1:
                    yield f"{project} has {number} accounts"
            elif run.status != "SUCCEEDED":
                yield f"{project}: {run.status}, {run.operators_messages[-1:]}"
            elif run.behavior == "APPLY" and ([run.sent["accountId"]] != accounts.get(project) or run.finals != 1):
                yield f"{project} has the accounts {accounts.get(project)}, and was told {run.sent}"

    def accounts(self) -> dict[str, list[str]]:
        """Return the ids of the accounts of each project, as AWS has them."""
        found: dict[str, list[str]] = {}
        for account_id, account in self.cluster.simulator.state()["accounts"].items():
            workspace, _, project = account["name"].partition(".")
            if workspace == "likvid":
                found.setdefault(project, []).append(account_id)
        return found

    def logs(self) -> str:
        return "\n".join([self.cluster.logs(), *(f"{each.name}:\n{each.last_lines()}" for each in self.runners)])


@contextmanager
def playing(
    directory: Path,
    fake: FakeMeshStack,
    *,
    workers: int = 1,
    runners: int = 1,
    options: SimulatorOptions = QUICK,
) -> Iterator[Play]:
    """Start everything on free ports; all of it ends with the block."""
    config = shutil.copytree(CONFIG_DIR, directory / "config")
    (config / "runner.yaml").write_text(DOCUMENT)
    fake.run_seconds = FORGOTTEN_SECONDS
    with (
        over_http(fake) as url,
        running_cluster(directory, workers, options, CONNECTOR_CONFIG_DIR=str(config)) as cluster,
    ):
        environment = {
            "CONNECTOR_MESHSTACK_URL": url,
            "CONNECTOR_MESHSTACK_CLIENT_ID": CLIENT_ID,
            "CONNECTOR_MESHSTACK_CLIENT_SECRET": CLIENT_SECRET,
            "CONNECTOR_RUNNER_UUID": RUNNER_UUID,
            "CONNECTOR_RUNNER_POLL_SECONDS": "0.5",
            "CONNECTOR_LEASE_SECONDS": BRISK["CONNECTOR_LEASE_SECONDS"],
        }
        play = Play(fake, cluster, environment)
        for _ in range(runners):
            play.start_runner()
        yield play
