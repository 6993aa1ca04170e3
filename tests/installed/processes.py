"""The five processes of an installation, each with what compose would give it, on a sandbox of the checkout's."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx2
from dotenv import dotenv_values

from tests.installed.environment import Failed, Installation
from tests.support.procfile import command_of
from workers.demo.processes import free_port
from workers.demo.supervisor import Supervisor

START_SECONDS = 90.0
TICK_SECONDS = 30.0  # beat has something to send every 20 s
KNOWN = {"environment", "tenants.yaml"}  # in the directory in which everything runs
RUN_SECONDS = 120.0  # a tenant takes some 15 s
MESHSTACK = ("CONNECTOR_MESHSTACK_", "CONNECTOR_RUNNER_")
LAST_TICK = "connector_beat_last_tick_timestamp_seconds"


@dataclass
class Processes:
    """API, worker, beat, Flower and runner, and how to reach them."""

    installation: Installation
    supervisor: Supervisor
    sandbox: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    flower_port: int = field(default_factory=free_port)
    runner_port: int = field(default_factory=free_port)
    password: str = field(default_factory=secrets.token_urlsafe)
    http: httpx2.Client = field(default_factory=lambda: httpx2.Client(trust_env=False, timeout=10))

    def start(self) -> None:
        """Start everything, and wait until it works."""
        self._start_sandbox()
        for name, variables in self._told().items():
            self.supervisor.start(name, command_of(name), variables)
        self._wait("the API with its worker", lambda: self.http.get(f"{self.url}/readyz").json().get("workers", 0) >= 1)
        self._wait("Flower", lambda: self.http.get(f"{self._flower}/healthcheck").is_success)
        self._wait("the runner", lambda: self.http.get(f"http://127.0.0.1:{self.runner_port}/healthz").is_success)

    @property
    def url(self) -> str:
        """Give the API's address."""
        return f"http://127.0.0.1:{self.port}"

    def client(self) -> dict[str, str]:
        """Give what commands that talk to the API are told."""
        return {"CONNECTOR_URL": self.url, "CONNECTOR_TOKEN": self.sandbox["CONNECTOR_TOKEN"]}

    def broker(self) -> dict[str, str]:
        """Give what beat, Flower and Celery's commands are told."""
        return {"CONNECTOR_REDIS_URL": self.sandbox["CONNECTOR_REDIS_URL"]}

    def check_flower(self) -> None:
        """Flower must show the worker."""
        workers, auth = f"{self._flower}/api/workers?refresh=1", ("operator", self.password)
        self._wait("Flower's worker", lambda: bool(self.http.get(workers, auth=auth).json()))

    def check_runner(self) -> None:
        """A run of the sandbox's meshStack must be carried out."""
        runs = f"{self.sandbox['CONNECTOR_MESHSTACK_URL']}/runs"
        self.http.post(runs, json={"project": "run", "people": ["alice@example.com"]}).raise_for_status()
        self._wait("the run", lambda: self.http.get(runs).json()[0]["status"] == "SUCCEEDED", RUN_SECONDS)

    def check_beat(self) -> None:
        """Beat must tick, and tick again."""
        first = self._last_tick()
        if first == 0:
            raise Failed("beat has sent nothing")
        self._wait("beat's next tick", lambda: self._last_tick() > first, TICK_SECONDS)

    def check_files(self) -> None:
        """Nothing may have written a file."""
        logs = {f"{each.name}.log" for each in self.supervisor.children}
        if others := {file.name for file in self.installation.directory.iterdir()} - logs - KNOWN:
            raise Failed(f"these were written: {', '.join(sorted(others))}")

    def _start_sandbox(self) -> None:
        beside = self.installation.directory.parent
        file = beside / "sandbox.env"
        command = [sys.executable, "-m", "workers.cli", "sandbox", "--env-file", str(file)]
        self.supervisor.start("sandbox", command, {"TMPDIR": str(beside)})
        self.supervisor.wait("the sandbox", file.exists, START_SECONDS)
        self.sandbox = {name: text for name, text in dotenv_values(file, interpolate=False).items() if text is not None}

    def _told(self) -> dict[str, dict[str, str]]:
        documents = {"CONNECTOR_CONFIG_DIR": str(self.installation.examples() / "config")}
        costs = {"CONNECTOR_DATA_DIR": str(self.installation.directory.parent / "data")}
        api = {"CONNECTOR_API_TOKENS": self.sandbox["CONNECTOR_API_TOKENS"], "PORT": str(self.port)}
        flower = {"FLOWER_PORT": str(self.flower_port), "FLOWER_BASIC_AUTH": f"operator:{self.password}"}
        secret = {
            name: text
            for name, text in self.sandbox.items()
            if name != "CONNECTOR_TOKEN" and not name.startswith(MESHSTACK)
        }
        meshstack = {name: text for name, text in self.sandbox.items() if name.startswith(MESHSTACK)}
        return {
            "api": {**self.broker(), **documents, **costs, **api},
            "worker": {**secret, **documents, **costs},
            "beat": self.broker(),
            "flower": {**self.broker(), **flower},
            "runner": {**self.broker(), **documents, **meshstack, "CONNECTOR_RUNNER_PORT": str(self.runner_port)},
        }

    @property
    def _flower(self) -> str:
        return f"http://127.0.0.1:{self.flower_port}"

    def _last_tick(self) -> float:
        headers = {"Authorization": f"Bearer {self.sandbox['CONNECTOR_TOKEN']}"}
        lines = self.http.get(f"{self.url}/metrics", headers=headers).text.splitlines()
        [value] = [line.split()[1] for line in lines if line.startswith(f"{LAST_TICK} ")]
        return float(value)

    def _wait(self, what: str, condition: Callable[[], bool], seconds: float = START_SECONDS) -> None:
        def holds() -> bool:
            try:
                return condition()
            except httpx2.TransportError:
                return False

        self.supervisor.wait(what, holds, seconds)
