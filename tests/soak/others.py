"""The processes beside the workers, each by its line of the Procfile: api, beat and flower."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx2

from config.api_token import ApiToken
from tests.support.cluster import Cluster
from tests.support.procfile import command_of
from workers.client import ConnectorClient
from workers.demo.processes import free_port
from workers.demo.supervisor import Child

NAMES = ("api", "beat", "flower")
TOKEN = "soak"
START_SECONDS = 60.0


@dataclass
class Others:
    """One of each, started again whenever it is killed."""

    cluster: Cluster
    port: int = field(default_factory=free_port)
    running: dict[str, Child] = field(default_factory=dict)

    def start(self) -> None:
        """Start them, and wait for the API."""
        for name in NAMES:
            self._start(name)
        self.cluster.processes.wait("the API", self._answers, START_SECONDS)

    def client(self) -> ConnectorClient:
        """Make a client of the API."""
        return ConnectorClient(self._url, TOKEN)

    def kill(self, name: str) -> None:
        """Kill one by SIGKILL, and start it again."""
        child = self.running[name]
        self.cluster.processes.children.remove(child)
        child.process.kill()
        child.process.wait()
        self._start(name)

    def ended(self) -> Iterator[str]:
        """Name those that have ended by themselves."""
        for name, child in self.running.items():
            if (code := child.process.poll()) is not None:
                yield f"{name} has ended by itself with exit code {code}: {child.last_lines()}"

    @property
    def _url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def _start(self, name: str) -> None:
        self.running[name] = self.cluster.processes.start(name, command_of(name), self._environment())

    def _environment(self) -> dict[str, str]:
        token = ApiToken.of("soak", "order+operate", TOKEN)
        return {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{self.cluster.environment['PATH']}",
            "PORT": str(self.port),
            "FLOWER_PORT": str(self.port + 1),
            "FLOWER_BASIC_AUTH": f"soak:{TOKEN}",
            "CONNECTOR_API_TOKENS": token.entry,
        }

    def _answers(self) -> bool:
        try:
            return httpx2.get(f"{self._url}/healthz").is_success
        except httpx2.TransportError:
            return False
