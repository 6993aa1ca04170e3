"""A small supervisor: child processes that start in order, are waited for, and all end, whatever happens.

    with Supervisor(directory, environment) as processes:
        api = processes.start("api", [sys.executable, "-m", "workers.cli", "api"])
        processes.wait("the API", lambda: answers(url), seconds=20)

Each child has its own session, so that Ctrl-C in the terminal reaches only us and we decide the order. When we are
killed by SIGKILL the kernel ends the children (Linux; see workers/demo/die_with_parent.py).
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType, TracebackType
from typing import Protocol, Self

from workers.demo import die_with_parent

STOP_SECONDS = 5.0  # from SIGTERM to SIGKILL; a worker that ends warmly needs the length of one call to AWS
LOOK_SECONDS = 0.05  # between two looks at a condition
LAST_LINES = 15  # of a log that an error shows


class ProcessFailed(RuntimeError):
    """A child ended by itself or did not get ready; the text has the last lines of its log."""


class Process(Protocol):
    """A process as subprocess.Popen shows it."""

    @property
    def pid(self) -> int:
        """Its number, which is also that of its session."""

    @property
    def returncode(self) -> int | None:
        """How it ended, once somebody has asked: its exit code, or minus the signal that killed it."""

    def poll(self) -> int | None:
        """Ask whether it has ended."""

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it has ended. Raises subprocess.TimeoutExpired."""

    def send_signal(self, sig: int, /) -> None:
        """Send a signal, unless it has ended."""

    def terminate(self) -> None:
        """Send SIGTERM."""

    def kill(self) -> None:
        """Send SIGKILL."""


@dataclass(frozen=True)
class Child:
    """A process that we started, and where its output goes."""

    name: str
    process: Process
    log: Path

    def last_lines(self) -> str:
        """Return the end of the log, indented."""
        lines = self.log.read_text(errors="replace").splitlines()[-LAST_LINES:]
        return "\n".join(f"  {line}" for line in lines) or "  (it wrote nothing)"


@dataclass
class Supervisor:
    """Starts children with one environment and ends all of them on leaving the `with` block."""

    directory: Path  # their working directory; logs go to `<name>.log` here
    environment: Mapping[str, str]
    children: list[Child] = field(default_factory=list)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.stop()

    def start(self, name: str, command: Sequence[str], extra: Mapping[str, str] | None = None) -> Child:
        """Start a child; its output goes to its log. Only from the main thread: the child dies with the thread.

        extra   environment variables of this child alone
        """
        log = self.directory / f"{name}.log"
        wrapper = [sys.executable, "-S", "-E", str(die_with_parent.__file__), str(os.getpid())]
        with log.open("ab") as output:
            process = subprocess.Popen(  # noqa: S603  # our own command line
                [*wrapper, *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**self.environment, **(extra or {})},
                cwd=self.directory,
                start_new_session=True,
            )
        child = Child(name, process, log)
        self.children.append(child)
        return child

    def wait(self, what: str, ready: Callable[[], bool], seconds: float) -> None:
        """Wait until the condition holds. Raises ProcessFailed when a child ends or the time is over."""
        deadline = time.monotonic() + seconds
        while not ready():
            self.check()
            if time.monotonic() > deadline:
                logs = "\n".join(f"{child.name}:\n{child.last_lines()}" for child in self.children)
                raise ProcessFailed(f"{what} was not ready after {seconds:g} s; the last lines of each:\n{logs}")
            time.sleep(LOOK_SECONDS)

    def check(self) -> None:
        """Raise ProcessFailed when a child has ended by itself."""
        for child in self.children:
            if (code := child.process.poll()) is not None:
                raise ProcessFailed(f"{child.name} ended with code {code}; its last lines:\n{child.last_lines()}")

    def stop(self, seconds: float = STOP_SECONDS) -> None:
        """End the children: SIGTERM, then SIGKILL for each one's session. Cannot be interrupted.

        All are asked at once, only the first waits until the others have ended: it is what they stand on.
        """
        with uninterrupted():
            for child in self.children[1:]:
                child.process.terminate()
            while self.children:
                _end(self.children[-1].process, seconds)
                self.children.pop()


def _end(process: Process, seconds: float) -> None:
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # and whatever it has left behind in its session
    process.wait()


STOP_SIGNALS = (signal.SIGTERM, signal.SIGHUP)


def _interrupt(number: int, _: FrameType | None) -> None:
    raise KeyboardInterrupt(number)


@contextmanager
def interruptible() -> Iterator[None]:
    """Let SIGTERM and a closed terminal interrupt like Ctrl-C, so that every `with` block is left in order."""
    before = {number: signal.signal(number, _interrupt) for number in (signal.SIGINT, *STOP_SIGNALS)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def noticed() -> Iterator[list[int]]:
    """Let the signals that ask us to end be noticed, in the list, where `interruptible` would raise.

    An interrupt that is raised while Python runs a destructor or a callback is lost, and one in the middle of taking a
    lock keeps that for ever. So who runs for long looks into the list, and raises by itself.
    """
    numbers: list[int] = []
    before = {
        number: signal.signal(number, lambda received, _: numbers.append(received))
        for number in (signal.SIGINT, *STOP_SIGNALS)
    }
    try:
        yield numbers
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold signals off while we tidy up: it takes seconds, and an impatient second Ctrl-C must not cut it short."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, *STOP_SIGNALS)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
