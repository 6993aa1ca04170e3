"""Python processes without the second that each spends on imports: forked from one that has imported everything.

    child = nursery().start(["celery", "-A", "workers.app", "worker"], environment, directory, log)

runs `python -m celery …` there. The nursery is a process of its own, because a process that forks should have no
threads, and tests have some. It is started with the first child, once for each process of pytest; when it ends, the
kernel ends its children (Linux). It reads one JSON line for each child, and answers with one when it has started and
one when it has ended.
"""

from __future__ import annotations

import atexit
import ctypes
import gc
import json
import os
import runpy
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from tasks.aws.clients import Clients
from workers.demo.die_with_parent import PR_SET_PDEATHSIG

IMPORTED = (
    "celery.bin.celery",
    "celery.bin.worker",
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
    "tasks.metering.rounds",
)
SERVICES = ("sts", "organizations", "iam", "cloudformation", "sso-admin", "identitystore", "lambda", "servicecatalog")
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

    ended: dict[int, int] = field(default_factory=dict)  # process id -> exit code, minus the signal that killed it
    _started: list[int] = field(default_factory=list)
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _arrived: bytes = b""

    def __post_init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
        )
        atexit.register(self._close)

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
        assert self._process.stdin is not None
        with self._lock:
            self._process.stdin.write(json.dumps(wanted).encode() + b"\n")
            while not self._started:
                self.listen(wait=True)
            return Nursling(self, self._started.pop(), command)

    def listen(self, *, wait: bool = False) -> None:
        """Take in what the nursery tells."""
        assert self._process.stdout is not None
        with self._lock:
            while select.select([self._process.stdout], [], [], None if wait else 0)[0]:
                piece = os.read(self._process.stdout.fileno(), 65536)
                if not piece:
                    raise RuntimeError(f"the nursery has ended with code {self._process.wait()}")
                *lines, self._arrived = (self._arrived + piece).split(b"\n")
                for told in map(json.loads, lines):
                    self._note(told)
                wait = wait and not lines

    def _close(self) -> None:
        """Wait for its end, so that whoever measures the tests counts what the children took."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def _note(self, told: Mapping[str, int]) -> None:
        if "started" in told:
            self._started.append(told["started"])
        else:
            self.ended[told["ended"]] = told["code"]


@cache
def nursery() -> Nursery:
    """Return the nursery of this process."""
    return Nursery()


def main() -> None:
    """Be the nursery until the tests end; in a child: run what it is for, as `python -m` does."""
    die_with(os.getppid())
    for name in IMPORTED:
        import_module(name)
    clients = Clients()
    for name in SERVICES:  # so that no child has to read AWS's model of them
        clients.unsigned(name, "eu-central-1")
    assert threading.active_count() == 1, "a process that forks should have no threads"
    gc.collect()
    gc.freeze()  # what all children share stays shared
    if (command := _forked_for(sys.stdin.fileno())) is None:
        return
    sys.argv = list(command)
    runpy.run_module(command[0], run_name="__main__", alter_sys=True)


def _forked_for(orders: int) -> Sequence[str] | None:
    """Fork a child for each order; answers its command in the child, in the nursery None when the orders end."""
    wake, woken = os.pipe()
    os.set_blocking(woken, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(woken)
    arrived = b""
    while True:
        for ready in select.select([orders, wake], [], [])[0]:
            piece = os.read(ready, 65536)
            if ready == wake:
                for pid, code in _ended():
                    _tell(ended=pid, code=code)
                continue
            if not piece:
                return None
            *lines, arrived = (arrived + piece).split(b"\n")
            for order in map(json.loads, lines):
                parent = os.getpid()
                if (pid := os.fork()) == 0:
                    signal.set_wakeup_fd(-1)
                    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                    os.close(wake)
                    os.close(woken)
                    return _settle(order, parent)
                _tell(started=pid)


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


def _tell(**told: int) -> None:
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


def die_with(parent: int) -> None:
    """Have the kernel end this process when its parent ends, where the system can."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it died before we asked
        sys.exit(1)


if __name__ == "__main__":
    main()
