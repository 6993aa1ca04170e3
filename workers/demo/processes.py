"""The demo's processes: what runs, with which environment, and when all of it is ready."""

from __future__ import annotations

import os
import secrets
import shlex
import socket
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx2
from dotenv import dotenv_values
from rich.console import Console

from workers.cli.connection import connect
from workers.cli.options import Access
from workers.cli.output import print_line
from workers.client import ApiProblem, ConnectorClient
from workers.demo.supervisor import Supervisor

WORKERS = ("w1", "w2")
STACK_SETS = "stack_operation_seconds=0.2"  # one at a time, as in AWS: the tenants queue for it
START_SECONDS = 90.0  # importing moto and Celery takes seconds on a laptop, and many more on a busy machine
TOLD_BY_US = (
    "AWS_",
    "CONNECTOR_",
    "SANDBOX_",
    "CELERY_",
    "FLOWER_",
    "PORT",
    "MANAGEMENT_PORT",
)  # the user's own never reach the children
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "WS_PROXY", "WSS_PROXY")


@dataclass(frozen=True)
class Endpoints:
    """Where the processes of the demo listen."""

    api: str  # URL
    token: str = field(repr=False)
    simulator: str  # URL
    meshstack: str  # URL of the simulated one
    flower: str | None  # URL
    flower_password: str | None = field(repr=False)
    variables: Path | None = None  # a file with everything that a command needs


def start(processes: Supervisor, console: Console, *, keep: bool) -> Endpoints:
    """Start the sandbox, the API, the workers and beat; answers when orders are taken and worked on.

    keep   also Flower and the runner, for who stays
    """
    began = time.monotonic()
    print_line(console, f"Starting sandbox, API, {len(WORKERS)} workers and beat; logs in {processes.directory}")
    environment = start_sandbox(processes)
    token = environment.pop("CONNECTOR_TOKEN")  # ours: the processes know its SHA-256 only
    ports = {"api": free_port(), "flower": free_port()}
    password = secrets.token_urlsafe(12)
    endpoints = Endpoints(
        api=f"http://127.0.0.1:{ports['api']}",
        token=token,
        simulator=environment["AWS_ENDPOINT_URL"],
        meshstack=environment["CONNECTOR_MESHSTACK_URL"],
        flower=f"http://127.0.0.1:{ports['flower']}" if keep else None,
        flower_password=password if keep else None,
    )
    environment |= {"CONNECTOR_API_PORT": str(ports["api"]), **SIZE}
    if endpoints.flower is not None:
        environment |= {"CONNECTOR_FLOWER_URL": endpoints.flower, "CONNECTOR_PAGE_URL": endpoints.api}
        environment |= {"FLOWER_BASIC_AUTH": f"demo:{password}"}
        told = {**environment, "CONNECTOR_URL": endpoints.api, "CONNECTOR_TOKEN": token}
        endpoints = replace(endpoints, variables=_written(processes.directory / "demo.env", told))
    for name, command in commands(ports["flower"] if keep else None).items():
        processes.start(name, command, environment)
    with connect(Access(endpoints.api, token)) as client:
        processes.wait("the API with its workers", lambda: _is_ready(client), START_SECONDS)
    if endpoints.flower is not None:
        address = endpoints.flower
        processes.wait("Flower", lambda: _answers(address), START_SECONDS)
    print_line(console, f"Ready after {time.monotonic() - began:.1f} s: the API listens at {endpoints.api}")
    return endpoints


def _written(file: Path, environment: Mapping[str, str]) -> Path:
    """Write variables for a shell, for their owner alone."""
    file.touch(mode=0o600)
    file.write_text("".join(f"{name}={shlex.quote(value)}\n" for name, value in environment.items()), encoding="utf-8")
    return file


SIZE = {  # two workers on a laptop, in a hurry, with logs for people
    "CONNECTOR_POLL_SECONDS": "0.3",
    "CONNECTOR_WORKER_CONCURRENCY": "8",
    "CONNECTOR_RUNNER_POLL_SECONDS": "1",
    "CONNECTOR_LOG_FORMAT": "text",
}


def start_sandbox(processes: Supervisor) -> dict[str, str]:
    """Start the sandbox and answer the environment that it offers."""
    offered = processes.directory / "sandbox.env"
    command = [sys.executable, "-m", "workers.cli", "sandbox", "--env-file", str(offered), "--option", STACK_SETS]
    processes.start("sandbox", command)
    processes.wait("the sandbox", offered.exists, START_SECONDS)
    return {name: value for name, value in dotenv_values(offered, interpolate=False).items() if value is not None}


def commands(flower_port: int | None) -> dict[str, list[str]]:
    """List the command line of each process, in the order in which they start; Flower and the runner with a port."""
    celery = [sys.executable, "-m", "celery", "-A", "workers.app"]
    workers = {name: [*celery, "worker", "-n", f"{name}@%h"] for name in WORKERS}
    flower = [*celery, "flower", "--address=127.0.0.1", f"--port={flower_port}"]
    return {
        "api": [sys.executable, "-m", "workers.cli", "api"],
        **workers,
        "beat": [*celery, "beat"],
        **({"flower": flower, "runner": [sys.executable, "-m", "workers.cli", "runner"]} if flower_port else {}),
    }


def child_environment(own: Mapping[str, str], directory: Path) -> dict[str, str]:
    """Make the environment of all children: ours, without what tells AWS, Celery, the connector or proxies anything."""
    kept = {
        name: value
        for name, value in own.items()
        if not name.upper().startswith(TOLD_BY_US) and name.upper() not in PROXIES
    }
    return {
        **kept,
        "PYTHONUNBUFFERED": "1",
        "TMPDIR": str(directory),
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


def free_port() -> int:
    """Find a port of 127.0.0.1 that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _is_ready(client: ConnectorClient) -> bool:
    try:
        return client.ready().workers >= len(WORKERS)
    except (httpx2.TransportError, ApiProblem):
        return False


def _answers(url: str) -> bool:
    try:
        return httpx2.get(url, timeout=2.0, trust_env=False).status_code < 500
    except httpx2.TransportError:
        return False
