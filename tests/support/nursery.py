"""Python processes without the second that each spends on imports: forked from one that has imported everything.

    child = nursery().start(["celery", "-A", "workers.app", "worker"], environment, directory, log)

runs `python -m celery …` there. The workers of xdist come from it, too (`forked_worker.py`). The nursery is a process
of its own, because a process that forks should have no threads, and tests have some. One serves all workers of xdist:
`share()` starts it for them. Else it is started with the first child. It reads one JSON line for each child from
whoever is connected, and answers with one when it has started and one when it has ended. When a client goes, its
children are ended; when the nursery ends, the kernel ends all of them (Linux).
"""

from __future__ import annotations

import atexit
import ctypes
import gc
import io
import json
import os
import runpy
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from tasks.aws.clients import Clients
from tasks.chain import CHAINS
from tasks.steps import function_of
from tests.support.composed import share_composed
from tests.support.examples import example_catalog
from workers.demo.die_with_parent import PR_SET_PDEATHSIG

IMPORTED = (
    "celery.app.amqp",
    "celery.app.control",
    "celery.app.events",
    "celery.app.log",
    "celery.app.routes",
    "celery.bin.celery",
    "celery.bin.worker",
    "celery.concurrency.thread",
    "celery.worker.autoscale",
    "celery.worker.components",
    "celery.worker.consumer",
    "kombu.asynchronous.semaphore",
    "kombu.pidbox",
    "kombu.transport.redis",
    "workers.app",
    "workers.celery_worker",
    "workers.cli.app",
    "workers.cli.local",
    "workers.cli.results",
    "workers.client",
    "workers.runner.process",
    "workers.checked_broker",
    "workers.sandbox.aws.server",
    "workers.sandbox.aws.seed",
    "workers.sandbox.aws.operation_modules",
    "workers.api.serve",
    "alembic.command",
    "tasks.metering.rounds",
    *("hcl2", "hypothesis", "playwright.sync_api", "schemathesis"),  # of the tests themselves
)
SERVICES = ("sts", "organizations", "iam", "cloudformation", "sso-admin", "identitystore", "lambda", "servicecatalog")
SHARED = "TESTS_NURSERY"  # the variable that says where a shared one listens
SELDOM = (20_000, 50, 50)  # when garbage is collected: as Python does it by itself, it is a tenth of what tests cost
LOOK_SECONDS = 0.01  # between two looks whether a child has ended


@dataclass
class Nursling:
    """A child of the nursery, with the face of subprocess.Popen."""

    nursery: Nursery
    pid: int
    command: Sequence[str]

    @property
    def returncode(self) -> int | None:
        """How it ended, as far as anybody has asked; -9: by SIGKILL."""
        return self.nursery.ended.get(self.pid)

    def poll(self) -> int | None:
        """Ask whether it has ended."""
        self.nursery.listen()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it has ended. Raises subprocess.TimeoutExpired."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            if timeout is not None and deadline is not None and time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(list(self.command), timeout)
            time.sleep(LOOK_SECONDS)
        return code

    def send_signal(self, sig: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, sig)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self.send_signal(signal.SIGKILL)


@dataclass
class Nursery:
    """The process that forks, as seen by the tests."""

    connection: socket.socket
    ended: dict[int, int] = field(default_factory=dict)  # process id -> exit code, minus the signal that killed it
    _started: list[int] = field(default_factory=list)
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _arrived: bytes = b""

    def start(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        directory: Path,
        log: Path,
        *,
        errors: Path | None = None,
        given: Path | None = None,
    ) -> Nursling:
        """Run `python -m` this command.

        log      is written to the end of
        errors   what it says on stderr; None: in the log, too
        given    what it reads; None: nothing
        """
        wanted = {
            "command": list(command),
            "environment": dict(environment),
            "directory": str(directory),
            "log": str(log),
            "errors": str(errors or log),
            "given": str(given or os.devnull),
        }
        with self._lock:
            self.connection.sendall(json.dumps(wanted).encode() + b"\n")
            while not self._started:
                self.listen(wait=True)
            return Nursling(self, self._started.pop(), command)

    def listen(self, *, wait: bool = False) -> None:
        """Take in what the nursery tells."""
        with self._lock:
            while select.select([self.connection], [], [], None if wait else 0)[0]:
                piece = self.connection.recv(65536)
                if not piece:
                    raise RuntimeError("the nursery has ended")
                *lines, self._arrived = (self._arrived + piece).split(b"\n")
                for told in map(json.loads, lines):
                    self._note(told)
                wait = wait and not lines

    def _note(self, told: Mapping[str, int]) -> None:
        if "started" in told:
            self._started.append(told["started"])
        else:
            self.ended[told["ended"]] = told["code"]


@cache
def nursery() -> Nursery:
    """Return the nursery of this process, or the one that is shared."""
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(os.environ.get(SHARED) or _begun())
    return Nursery(connection)


def share() -> None:
    """Start a nursery for all processes that this one starts from now on."""
    os.environ[SHARED] = _begun()


def _begun() -> str:
    """Start a nursery; answers where it listens. It ends with this process."""
    path = f"{tempfile.mkdtemp(prefix='nursery-')}/socket"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen()
        command = [sys.executable, "-m", __name__, str(listening.fileno())]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=[listening.fileno()])

    def end() -> None:
        """Wait for its end, so that whoever measures the tests counts what the children took."""
        assert process.stdin is not None
        process.stdin.close()
        process.wait()
        shutil.rmtree(Path(path).parent)

    atexit.register(end)
    return path


def main() -> None:
    """Be the nursery until the tests end; in a child: run what it is for, as `python -m` does."""
    die_with(os.getppid())
    for name in IMPORTED:
        import_module(name)
    for chain in CHAINS.values():
        for step in chain.steps:
            function_of(step)  # imports it
    share_composed()
    example_catalog()
    clients = Clients()
    for name in SERVICES:  # so that no child has to read AWS's model of them
        clients.unsigned(name, "eu-central-1")
    assert threading.active_count() == 1, "a process that forks should have no threads"
    gc.collect()
    gc.freeze()  # what all children share stays shared
    gc.set_threshold(*SELDOM)
    if (command := Forking(socket.socket(fileno=int(sys.argv[1]))).serve()) is None:
        return
    sys.argv = list(command)
    runpy.run_module(command[0], run_name="__main__", alter_sys=True)


class Forking:
    """The nursery's own side: whose the children are."""

    def __init__(self, listening: socket.socket) -> None:
        self.listening = listening
        self.arrived: dict[socket.socket, bytes] = {}  # of each client, the beginning of its next order
        self.children: dict[int, socket.socket] = {}  # process id -> whose it is

    def serve(self) -> Sequence[str] | None:
        """Fork a child for each order; answers its command in the child, in the nursery None when stdin ends."""
        wake, self.woken = os.pipe()
        os.set_blocking(self.woken, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self.woken)
        parent = os.getpid()
        while True:
            watched: list[int | socket.socket] = [0, wake, self.listening, *self.arrived]
            ready = select.select(watched, [], [])[0]
            if 0 in ready:
                return None
            if wake in ready:
                os.read(wake, 65536)
                self._bury()
            if self.listening in ready:
                self.arrived[self.listening.accept()[0]] = b""
            for client in [each for each in self.arrived if each in ready]:
                for order in self._orders(client):
                    if (pid := os.fork()) == 0:
                        return self._child(order, parent, wake)
                    self.children[pid] = client
                    _tell(client, started=pid)

    def _orders(self, client: socket.socket) -> list[Mapping[str, Any]]:
        """Take in what a client wants; of one that has gone, end the children."""
        try:
            piece = client.recv(65536)
        except ConnectionError:
            piece = b""
        if not piece:
            for pid, owner in self.children.items():
                if owner is client:
                    os.kill(pid, signal.SIGKILL)
            del self.arrived[client]
            client.close()
            return []
        *lines, self.arrived[client] = (self.arrived[client] + piece).split(b"\n")
        return [json.loads(line) for line in lines]

    def _bury(self) -> None:
        for pid, code in _ended():
            client = self.children.pop(pid)
            if client in self.arrived:
                _tell(client, ended=pid, code=code)

    def _child(self, order: Mapping[str, Any], parent: int, wake: int) -> Sequence[str]:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for each in (wake, self.woken):
            os.close(each)
        for connection in (self.listening, *self.arrived):
            connection.close()
        return _settle(order, parent)


def _settle(order: Mapping[str, Any], parent: int) -> Sequence[str]:
    """Make the child's surroundings; answers its command."""
    die_with(parent)
    os.setsid()
    os.chdir(order["directory"])
    os.environ.clear()
    os.environ.update(order["environment"])
    given = os.open(order["given"], os.O_RDONLY)
    log, errors = (os.open(order[each], os.O_WRONLY | os.O_CREAT | os.O_APPEND) for each in ("log", "errors"))
    for old, new in ((given, 0), (log, 1), (errors, 2)):
        os.dup2(old, new)
        os.close(old)
    for name, number in (("stdout", 1), ("stderr", 2)):  # what was a file may be a terminal, which cannot be wound back
        ours = getattr(sys, name)
        binary = io.BufferedWriter(io.FileIO(number, "w", closefd=False))
        at_once = name == "stderr" or os.isatty(number)
        setattr(sys, name, io.TextIOWrapper(binary, ours.encoding, ours.errors, line_buffering=at_once))
    command: Sequence[str] = order["command"]
    return command


def _ended() -> Iterator[tuple[int, int]]:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        yield pid, os.waitstatus_to_exitcode(status)


def _tell(client: socket.socket, **told: int) -> None:
    with suppress(ConnectionError):  # it has gone
        client.sendall(json.dumps(told).encode() + b"\n")


def die_with(parent: int) -> None:
    """Have the kernel end this process when its parent ends, where the system can."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it died before we asked
        sys.exit(1)


if __name__ == "__main__":
    main()
