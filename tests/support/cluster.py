"""A whole connector for tests: real worker processes, a real Redis-protocol server, the AWS simulator over HTTP.

Workers are forked from the nursery (tests/support/nursery.py). Where what a worker costs is measured, they are started
as in production: `forked=False`.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from config.settings import Settings
from tasks.connector import Connector, make_connector
from tasks.model.desired import TenantId
from tasks.model.replication import ENDED, Replication, State
from tasks.orders.producer import replicate, replicate_again
from tasks.worker import Worker
from tests.support.nursery import nursery
from tests.support.redis import CheckedRedis
from tests.support.simulator import running_simulator
from tests.support.waiting import LONG, eventually
from workers.demo.supervisor import Child, Supervisor
from workers.examples import EXAMPLES
from workers.sandbox.aws.options import SimulatorOptions
from workers.sandbox.client import SimulatorClient
from workers.sandbox.organization import environment

CONFIG_DIR = EXAMPLES / "config"
DOCUMENTS = Path(__file__).parent / "documents"
PLATFORM = "aws.sandbox"
QUICK = SimulatorOptions(
    creation_seconds=0.4,
    role_delay_seconds=0.2,
    assignment_seconds=0.1,
    stack_seconds=0.1,
    stack_operation_seconds=0.1,
    lag_seconds=0.3,
)
BRISK = {
    "CONNECTOR_POLL_SECONDS": "0.1",
    "CONNECTOR_LEASE_SECONDS": "2",
    "CONNECTOR_LOOKUP_GRACE_SECONDS": "2",
    "CONNECTOR_VISIBILITY_GRACE_SECONDS": "5",
    "CONNECTOR_WORKER_CONCURRENCY": "8",
    "CONNECTOR_LOG_FORMAT": "text",
}
ACCESS = [
    {"username": "alice", "euid": "alice@example.com", "roles": ["admin"]},
    {"username": "bob", "euid": "bob@example.com", "roles": ["user", "reader"]},
]
ONE_ROLE = {"landingZone": "development", "access": ACCESS[:1]}  # half the calls, where access is not what is tested


def desired(zone: str = "development", access: list[dict[str, Any]] | None = None, **rest: Any) -> dict[str, Any]:
    """Return a PUT body."""
    return {"landingZone": zone, "access": ACCESS if access is None else access, **rest}


@dataclass
class Cluster:
    """Handles on everything that runs."""

    simulator: SimulatorClient
    redis: CheckedRedis
    connector: Connector
    processes: Supervisor
    environment: Mapping[str, str]
    directory: Path
    forked: bool = True
    started: int = 0
    workers: list[Child] = field(default_factory=list)

    @cached_property
    def worker(self) -> Worker:
        """What a worker has, in this process: for tests that call AWS themselves."""
        return Worker.of(self.connector)

    def start_worker(self, app: str = "workers.app") -> Child:
        """Start one worker process of a Celery app and wait until its pump looks."""
        self.started += 1
        name, before = f"w{self.started}", set(self._pumps())
        child = self.start(name, ["celery", "-A", app, "worker"])
        self.workers.append(child)
        self.processes.wait(name, lambda: not before.issuperset(self._pumps()), LONG)
        return child

    def start(self, name: str, command: list[str], extra: Mapping[str, str] | None = None) -> Child:
        """Run `python -m` this command, with environment variables of its own."""
        if not self.forked:
            return self.processes.start(name, [sys.executable, "-m", *command], extra)
        log, environment = self.directory / f"{name}.log", {**self.environment, **(extra or {})}
        child = Child(name, nursery().start(command, environment, self.directory, log), log)
        self.processes.children.append(child)
        return child

    def _pumps(self) -> list[str]:
        """Name the workers whose pumps have looked: each start is another one, also on one machine."""
        return list(self.redis.client.zrange("connector:workers", 0, -1))

    def kill(self, worker: Child, number: signal.Signals = signal.SIGKILL) -> None:
        """End a worker by a signal, and wait until it is gone."""
        self.processes.children.remove(worker)
        self.workers.remove(worker)
        worker.process.send_signal(number)
        worker.process.wait(LONG)

    def order(self, project: str, body: dict[str, Any] | None = None, workspace: str = "likvid") -> str:
        """Enqueue a tenant; answers the replication's id."""
        return replicate(workspace, project, PLATFORM, body or desired(), connector=self.connector).replication

    def ended(self, replication: str, seconds: float = LONG) -> Replication:
        """Wait for the end of a replication."""
        replications = self.connector.store.replications
        try:
            eventually(lambda: replications.state_of(replication) in ENDED, seconds)
        except AssertionError as error:
            raise AssertionError(f"{replications.find(replication)}\n{self.logs()}") from error
        found = replications.find(replication)
        assert found is not None
        return found

    def succeeded(self, replication: str, seconds: float = LONG) -> Replication:
        """Wait for a replication that must succeed."""
        found = self.ended(replication, seconds)
        assert found.state is State.SUCCEEDED, f"{found.last_error}\n{self.logs()}"
        return found

    def settled(self, project: str) -> None:
        """Wait until the newest replication of a tenant has succeeded: a doubt may have replaced the ordered one."""

        def look() -> bool:
            record = self.connector.store.tenants.find(self.tenant_id(project))
            return record is not None and record.state is State.SUCCEEDED

        eventually(look)

    def retry(self, project: str, first: str, workspace: str = "likvid") -> str:
        """Replicate a tenant again from a step on; answers the replication's id."""
        record = self.connector.store.tenants.find(self.tenant_id(project, workspace))
        assert record is not None
        return replicate_again(record, self.connector, wake=True, first=first).replication

    def until_running(self, replication: str, step: str) -> None:
        """Wait until a worker runs that step."""
        self._until(replication, step, State.RUNNING)

    def until_waiting(self, replication: str, step: str) -> None:
        """Wait until that step waits."""
        self._until(replication, step, State.WAITING)

    def _until(self, replication: str, step: str, state: State) -> None:
        def reached() -> bool:
            found = self.connector.store.replications.find(replication)
            return found is not None and any(each.name == step and each.state is state for each in found.steps)

        eventually(reached, every=0.05)  # it may soon be over

    def account(self, project: str, workspace: str = "likvid") -> dict[str, Any]:
        """Return the one account of a tenant, as the simulator holds it."""
        return self.simulator.account(f"{workspace}.{project}")

    def tenant_id(self, project: str, workspace: str = "likvid") -> TenantId:
        """Name a tenant."""
        return TenantId(workspace, project, PLATFORM)

    def logs(self) -> str:
        """Return the end of every worker's log."""
        return "\n".join(f"{worker.name}:\n{worker.last_lines()}" for worker in self.workers)


def configuration(directory: Path, *documents: str) -> str:
    """Copy the examples' documents, and some of the tests' own, into a directory; answers CONNECTOR_CONFIG_DIR."""
    copied = shutil.copytree(CONFIG_DIR, directory / "config")
    for name in documents:
        shutil.copy(DOCUMENTS / name, copied)
    return str(copied)


@contextmanager
def running_cluster(
    directory: Path, workers: int = 1, options: SimulatorOptions = QUICK, *, forked: bool = True, **settings: str
) -> Iterator[Cluster]:
    """Start everything on free ports; all of it ends with the block."""
    with CheckedRedis() as redis, cluster_on(redis, directory, workers, options, forked=forked, **settings) as cluster:
        yield cluster


@contextmanager
def cluster_on(
    redis: CheckedRedis,
    directory: Path,
    workers: int = 1,
    options: SimulatorOptions = QUICK,
    *,
    forked: bool = True,
    **settings: str,
) -> Iterator[Cluster]:
    """Start everything but Redis, which runs already."""
    with running_simulator(options.model_dump()) as simulator:
        variables = {
            **environment(simulator.url, redis.url),
            **BRISK,
            "CONNECTOR_CONFIG_DIR": str(CONFIG_DIR),
            **settings,
        }
        surroundings = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path.cwd()), **variables}
        with pytest.MonkeyPatch.context() as patch, Supervisor(directory, surroundings) as processes:
            for name, value in variables.items():  # the documents' secrets, for this process's own connector
                patch.setenv(name, value)
            connector = make_connector(Settings(), secrets=True)
            cluster = Cluster(simulator, redis, connector, processes, surroundings, directory, forked)
            for _ in range(workers):
                cluster.start_worker()
            yield cluster
