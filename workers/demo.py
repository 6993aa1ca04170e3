"""The demo: everything on this machine, twelve tenants, what became of them, and that a second run writes nothing.

Every process runs on a free port of 127.0.0.1 in a temporary directory with an environment of its own: no variable,
profile or proxy of the person who runs it reaches them, and nothing is left when it ends.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from dotenv import dotenv_values
from rich.console import Console

from workers.cli.connection import LOOPBACK, Access, connect, reasons
from workers.cli.errors import CommandFailed, ExitCode, complain
from workers.cli.orders import Order, OrdersRefused, read_orders
from workers.cli.output import facts, print_line, show, stdout_console
from workers.cli.progress import Followed, follow, make_view
from workers.cli.results import complain_about_failures
from workers.client import ApiProblem, ConnectorClient
from workers.demo_results import Created, created_by, doubts, show_created
from workers.examples import ExampleMissing, example
from workers.processes import ProcessFailed, Supervisor, interruptible, uninterrupted
from workers.sandbox.client import Counts, SimulatorClient

WORKERS = ("w1", "w2")
STACK_SETS = "stack_operation_seconds=0.2"  # one at a time, as in AWS: the tenants queue for it
START_SECONDS = 90.0  # importing moto and Celery takes seconds on a laptop, and many more on a busy machine
SHOWN_AGAIN_SECONDS = 0.5  # between two looks whether all processes still run, while the demo stays

TOLD_BY_US = ("AWS_", "CONNECTOR_", "SANDBOX_", "CELERY_", "FLOWER_", "PORT")  # the user's own never reach the children
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "WS_PROXY", "WSS_PROXY")


@dataclass(frozen=True)
class House:
    """Where the processes of the demo listen."""

    api: str  # URL
    token: str
    simulator: str  # URL
    flower: str | None = None  # URL
    flower_password: str | None = None


def run_demo(*, keep: bool, tenants: Path | None = None) -> ExitCode:
    """Run the demo; with `keep` stay until Ctrl-C. Answers the exit code, raises CommandFailed when it cannot run."""
    console = stdout_console()
    try:
        orders = read_orders(tenants or example("tenants.yaml"))
        with interruptible(), temporary_directory() as directory:
            with Supervisor(directory, child_environment(os.environ, directory)) as processes:
                house = start(processes, console, flower=keep)
                code = order_twice(processes, house, console, orders)
                if keep:
                    stay(processes, house, console, directory)
            print_line(console, "Everything has been stopped; nothing is left.")
            return code
    except (ProcessFailed, OrdersRefused, ExampleMissing) as error:
        raise CommandFailed(str(error), ExitCode.MISTAKES) from error


def start(processes: Supervisor, console: Console, *, flower: bool) -> House:
    """Start the sandbox, the API, the workers, beat and maybe Flower; answers when orders are taken and worked on."""
    began = time.monotonic()
    print_line(console, f"Starting sandbox, API, {len(WORKERS)} workers and beat; logs in {processes.directory}")
    environment = start_sandbox(processes)
    token = environment.pop("CONNECTOR_TOKEN")  # ours: the processes know its SHA-256 only
    ports = {"api": free_port(), "flower": free_port()}
    password = secrets.token_urlsafe(12)
    house = House(
        api=f"http://127.0.0.1:{ports['api']}",
        token=token,
        simulator=environment["AWS_ENDPOINT_URL"],
        flower=f"http://127.0.0.1:{ports['flower']}" if flower else None,
        flower_password=password if flower else None,
    )
    environment |= {"CONNECTOR_API_PORT": str(ports["api"]), **SIZE}
    for name, command in commands(processes.directory, ports["flower"] if flower else None).items():
        extra = {"FLOWER_BASIC_AUTH": f"demo:{password}"} if name == "flower" else {}
        processes.start(name, command, {**environment, **extra})
    with connect(Access(house.api, token)) as client:
        processes.wait("the API with its workers", lambda: _is_ready(client), START_SECONDS)
    if house.flower is not None:
        address = house.flower
        processes.wait("Flower", lambda: _answers(address), START_SECONDS)
    print_line(console, f"Ready after {time.monotonic() - began:.1f} s: the API listens at {house.api}")
    return house


SIZE = {  # two workers on a laptop, in a hurry, with logs for people
    "CONNECTOR_POLL_SECONDS": "0.3",
    "CONNECTOR_WORKER_CONCURRENCY": "8",
    "CONNECTOR_LOG_FORMAT": "text",
}


def start_sandbox(processes: Supervisor) -> dict[str, str]:
    """Start the sandbox and answer the environment that it offers."""
    offered = processes.directory / "sandbox.env"
    command = [sys.executable, "-m", "workers.cli", "sandbox", "--env-file", str(offered), "--option", STACK_SETS]
    processes.start("sandbox", command)
    processes.wait("the sandbox", offered.exists, START_SECONDS)
    return {name: value for name, value in dotenv_values(offered, interpolate=False).items() if value is not None}


def commands(directory: Path, flower_port: int | None) -> dict[str, list[str]]:
    """List the command line of each process, in the order in which they start."""
    celery = [sys.executable, "-m", "celery", "-A", "workers.app"]
    workers = {name: [*celery, "worker", "-n", f"{name}@%h"] for name in WORKERS}
    flower = [*celery, "flower", "--address=127.0.0.1", f"--port={flower_port}"]
    return {
        "api": [sys.executable, "-m", "workers.cli", "api"],
        **workers,
        "beat": [*celery, "beat", "--schedule", str(directory / "beat"), "--pidfile="],
        **({"flower": flower} if flower_port is not None else {}),
    }


def order_twice(processes: Supervisor, house: House, console: Console, orders: Sequence[Order]) -> ExitCode:
    """Order the tenants twice and show what came of it; answers the exit code."""
    simulator = SimulatorClient(house.simulator)
    try:
        with connect(Access(house.api, house.token)) as client:
            print_line(console, f"Ordering {len(orders)} tenants through the API")
            ended = order_all(client, orders, processes, console)
            created = [created_by(each, client.tenant(each.tenant), simulator.state()) for each in ended]
            show_created(console, created)
            if complain_about_failures(ended) is not ExitCode.DONE:
                return ExitCode.FAILED
            print_line(console, "Ordering all of them again: nothing has changed, so nothing may be written")
            before = simulator.counts()
            again = order_all(client, orders, processes, console)
            return judge(console, created, again, before, simulator)
    finally:
        simulator.close()


def order_all(
    client: ConnectorClient, orders: Sequence[Order], processes: Supervisor, console: Console
) -> list[Followed]:
    """Send every order and show the progress until all have ended."""
    accepted = {str(order.tenant): _send(client, order) for order in orders}
    return follow(client, accepted, make_view(console), processes.check)


def _send(client: ConnectorClient, order: Order) -> str:
    try:
        return client.put_tenant(order.tenant, order.desired).replication_id
    except ApiProblem as problem:
        raise CommandFailed(f"{order.tenant} was refused:\n{reasons(problem)}", ExitCode.MISTAKES) from problem


def judge(
    console: Console, created: Sequence[Created], again: Sequence[Followed], before: Counts, simulator: SimulatorClient
) -> ExitCode:
    """Say whether everything is as it must be."""
    after = simulator.counts()
    writes, reads = after.writes - before.writes, after.reads - before.reads
    print_line(console, f"Second round: {writes} writes, {reads} reads")
    written = {name: count - before.operations.get(name, 0) for name, count in after.operations.items()}
    found = list(doubts(created, again, simulator.state(), written if writes else {}))
    for doubt in found:
        complain(doubt)
    if found:
        return ExitCode.MISTAKES
    print_line(console, f"All {len(created)} tenants are right: one account each, and nothing is written twice.")
    return ExitCode.DONE


def stay(processes: Supervisor, house: House, console: Console, directory: Path) -> None:
    """Say where everything is, and stay until Ctrl-C or until a process ends."""
    places = {
        "API": f"{house.api}/docs",
        "Flower": f"{house.flower} (user demo, password {house.flower_password})",
        "simulated AWS": f"{house.simulator}/_simulator/state",
        "logs": str(directory),
    }
    show(console, facts(places))
    print_line(console, f"in another terminal: export CONNECTOR_URL={house.api} CONNECTOR_TOKEN={house.token}")
    print_line(console, "and then: aws-connector status --watch. Ctrl-C here ends everything.")
    while True:
        processes.check()
        time.sleep(SHOWN_AGAIN_SECONDS)


def child_environment(own: Mapping[str, str], directory: Path) -> dict[str, str]:
    """Make the environment of all children: ours, without what tells AWS, Celery, the connector or proxies anything."""
    kept = {
        name: value
        for name, value in own.items()
        if not name.upper().startswith(TOLD_BY_US) and name.upper() not in PROXIES
    }
    path = [str(Path(__file__).resolve().parents[1]), *filter(None, [own.get("PYTHONPATH")])]
    return {
        **kept,
        "PYTHONPATH": os.pathsep.join(path),
        "PYTHONUNBUFFERED": "1",
        "TMPDIR": str(directory),
        "NO_PROXY": ",".join(LOOPBACK),
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


@contextmanager
def temporary_directory() -> Iterator[Path]:
    """Give a directory that is gone afterwards, also after Ctrl-C."""
    directory = Path(tempfile.mkdtemp(prefix="aws-connector-demo-"))
    try:
        yield directory
    finally:
        with uninterrupted():
            shutil.rmtree(directory, ignore_errors=True)


def free_port() -> int:
    """Find a port of 127.0.0.1 that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _is_ready(client: ConnectorClient) -> bool:
    try:
        return client.ready().workers >= len(WORKERS)
    except (httpx.TransportError, ApiProblem):
        return False


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2.0).status_code < 500
    except httpx.TransportError:
        return False
