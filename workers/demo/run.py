"""The demo: everything on this machine, twelve tenants, what became of them, and that a second run writes nothing.

Every process runs on a free port of 127.0.0.1 in a temporary directory with an environment of its own: no variable,
profile or proxy of the person who runs it reaches them, and nothing is left when it ends.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from rich.console import Console

from workers.cli.connection import connect, reasons
from workers.cli.errors import PROGRAM, CommandFailed, ExitCode, complain
from workers.cli.options import Access
from workers.cli.orders import Order, OrdersRefused, read_orders
from workers.cli.output import facts, print_line, show, stdout_console
from workers.cli.progress import Followed, follow, make_view
from workers.cli.results import complain_about_failures
from workers.client import ApiProblem, ConnectorClient
from workers.demo.costs import costs_of
from workers.demo.meshstack import travel
from workers.demo.processes import Endpoints, child_environment, start
from workers.demo.results import Created, created_by, doubts, show_created, ways_to_groups
from workers.demo.supervisor import ProcessFailed, Supervisor, interruptible, uninterrupted
from workers.examples import EXAMPLES
from workers.sandbox.client import Counts, SimulatorClient
from workers.sandbox.installed import SandboxMissing, check_installed

SHOWN_WITHIN_SECONDS = 30.0  # far more than the simulated AWS takes to show everything to everybody
SHOWN_AGAIN_SECONDS = 0.5  # between two looks whether all processes still run, while the demo stays
STOPPED = "Everything has been stopped; nothing is left."


def run_demo(*, keep: bool, tenants: Path | None = None) -> ExitCode:
    """Run the demo; with `keep` stay until Ctrl-C. Answers the exit code, raises CommandFailed when it cannot run."""
    console = stdout_console()
    try:
        check_installed()
        orders = read_orders(tenants or EXAMPLES / "tenants.yaml")
        with interruptible(), temporary_directory() as directory:
            with Supervisor(directory, child_environment(os.environ, directory)) as processes:
                endpoints = start(processes, console, keep=keep)
                code = order_twice(processes, endpoints, console, orders)
                if keep:
                    travel(endpoints.meshstack, processes, console)
                    stay(processes, endpoints, console, directory)
            print_line(console, STOPPED)
            return code
    except KeyboardInterrupt:  # in the middle: to stay ends by it as well, and returns
        print_line(console, STOPPED)
        raise
    except (SandboxMissing, ProcessFailed, OrdersRefused) as error:
        raise CommandFailed(str(error), ExitCode.MISTAKES) from error


def order_twice(processes: Supervisor, endpoints: Endpoints, console: Console, orders: Sequence[Order]) -> ExitCode:
    """Order the tenants twice and show what came of it; answers the exit code."""
    simulator = SimulatorClient(endpoints.simulator)
    try:
        with connect(Access(endpoints.api, endpoints.token)) as client:
            options = simulator.options()
            late = f"shows what is written up to {options['lag_seconds']:g} s late (seed {options['seed']})"
            print_line(console, f"Ordering {len(orders)} tenants through the API; the simulated AWS {late}")
            ended = order_all(client, orders, processes, console)
            created = [created_by(each, client.tenant(each.tenant), simulator.state()) for each in ended]
            show_created(console, created, costs_of(client, processes))
            print_line(console, ways_to_groups(simulator.counts().operations))
            if complain_about_failures(ended) is not ExitCode.DONE:
                return ExitCode.FAILED
            processes.wait("AWS to show all of it", lambda: not simulator.visibility()["late"], SHOWN_WITHIN_SECONDS)
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
    print_line(
        console, f"All {len(created)} tenants are set up correctly: one account each, and nothing is written twice."
    )
    return ExitCode.DONE


def stay(processes: Supervisor, endpoints: Endpoints, console: Console, directory: Path) -> None:
    """Say where everything is, and stay until Ctrl-C, which is the way to end it, or until a process ends."""
    places = {
        "page": f"{endpoints.api} (sign in with the token {endpoints.token})",
        "API": f"{endpoints.api}/docs",
        "Flower": f"{endpoints.flower} (user demo, password {endpoints.flower_password})",
        "simulated AWS": f"{endpoints.simulator}/_simulator/state",
        "simulated meshStack": f"{endpoints.meshstack} (order there: POST /runs, as docs/sandbox.md says)",
        "logs": str(directory),
    }
    with suppress(KeyboardInterrupt):
        show(console, facts(places))
        print_line(console, f"In another terminal, all commands work after: set -a; . {endpoints.variables}; set +a")
        print_line(console, f"For example: {_program()} status --watch, or doctor. Ctrl-C here ends everything.")
        while True:
            processes.check()
            time.sleep(SHOWN_AGAIN_SECONDS)


def _program() -> str:
    """Return what to type for this program: its path where it is not on the PATH, as right after the README's lines."""
    here = Path(sys.executable).with_name(PROGRAM)
    return PROGRAM if shutil.which(PROGRAM) or not here.exists() else str(here)


@contextmanager
def temporary_directory() -> Iterator[Path]:
    """Give a directory that is gone afterwards, also after Ctrl-C."""
    directory = Path(tempfile.mkdtemp(prefix="aws-connector-demo-"))
    try:
        yield directory
    finally:
        with uninterrupted():
            shutil.rmtree(directory, ignore_errors=True)
